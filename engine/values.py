"""Values of views: columns that sort alike everywhere; and what comes with a question, whose query is compiled once."""

from sqlalchemy import BigInteger, BindParameter, String, Text, bindparam

# Sorted by its bytes everywhere; PostgreSQL would go by the language of its machine.
Sorted = Text().with_variant(Text(collation="C"), "postgresql")
Moment = String(27).with_variant(String(27, collation="C"), "postgresql")


def text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=Text, required=False)


def number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger, required=False)
