"""Values that come with a question, whose query is compiled once."""

from sqlalchemy import BigInteger, BindParameter, Text, bindparam


def text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=Text, required=False)


def number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger, required=False)
