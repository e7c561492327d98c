"""From what was told in a story an agent comes to its proof, which can be read and printed, at any width."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.chromium import fit
from tests.desk import enter, visit
from tests.running import running

SITE = '[notify]\norganisation = "Gemeente Voorbeeld"\nphone = "14 020"\n'


def test_an_agent_finds_the_proof_beside_what_was_told(page: Page, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    with running(tmp_path / "draad.db", DRAAD_SITE=str(tmp_path / "site.toml")) as house:

        def says(path: str, **body: object) -> dict[str, str]:
            answer = house.client.post(path, json=body, headers={"Idempotency-Key": path})
            assert answer.status_code == 201, answer.text
            return dict(answer.json())

        party = says("/v1/parties", kind="person", name="Joëlle Bakker")["party_id"]
        says(f"/v1/parties/{party}/addresses", address={"kind": "email", "value": "joelle@mail.example"})
        case = says("/v1/cases", party_id=party, kind="passport", title="Paspoort aanvragen")["case_id"]
        enter(page, house)
        visit(page, house, f"/threads/case/{case}")
        told = page.locator(".entry", has_text="automatisch")
        told.get_by_text("Hele bericht").click()
        told.get_by_role("link", name="Bewijs van dit bericht").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Bewijs van een bericht")
        expect(page.locator(".lead")).to_contain_text("niet afgeleverd")  # There is no mailbox here.
        expect(page.locator(".proof__line").first).to_contain_text("Aanleiding")
        fit(page, "desk-proof")
        page.emulate_media(media="print")
        expect(page.locator(".top")).to_be_hidden()
        assert "joelle" not in page.content()
