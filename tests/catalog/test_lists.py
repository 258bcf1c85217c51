"""Price lists: their dates, what changed between two, which can follow which, and who signed one."""

import itertools
import random
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.catalog import importer, received, signature
from keywright.catalog.catalogue import Catalogue
from keywright.catalog.dating import date_after, newest_of, order
from keywright.catalog.difference import Change, difference
from keywright.catalog.plausible import FAULTS_MAX, faults
from keywright.catalog.price import FREE
from keywright.catalog.publickey import is_public_key
from keywright.catalog.quote import TierQuote, own_price
from keywright.catalog.rowid import constant_price, listed_price, parse
from keywright.catalog.snapshot import Match, ModelRow, Row, Section, Snapshot, Variant, bundled, decode, encode
from tests.conftest import shared_dir

DAY = date(2026, 11, 25)
RAW = (
    b'[{"id":"v","name":"V","models":[{"id":"m","match":{"equals":"m"},"prices":{"input_mtok":1.5,"output_mtok":2}}]}]'
)


def snapshot(*rows: ModelRow, as_of: str = "2026-11-24") -> Snapshot:
    return Snapshot(as_of=as_of, source="test", catalogues=(Section(id="v", title="V", models=rows),))


def model(name: str = "m", input: str = "3", output: str = "15", cache_read: str | None = None) -> ModelRow:  # noqa: A002
    return ModelRow(id=name, prices=(Row(input=input, output=output, cache_read=cache_read),))


def successor(*rows: ModelRow) -> Snapshot:
    return snapshot(*rows, as_of="2026-11-25")


class TestDates:
    @given(st.dates(), st.dates(), st.integers(1, 99))
    def test_the_date_after_is_newer_whatever_the_day(self, day: date, other: date, number: int) -> None:
        newest = other.isoformat() + (f".{number}" if number > 1 else "")
        after = date_after(day, newest)
        assert order(after) > order(newest)
        assert newest_of([newest, after, newest]) == after

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "today",
            "20261124",
            "2026-11-24.",
            "2026-11-24.1",
            "2026-11-24.0",
            "2026-11-24.02",
            "2026-11-24.x",
            "2026-W48-2",
        ],
    )
    def test_what_is_no_date_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="no date of a price list"):
            order(text)


class TestIds:
    def test_the_id_of_every_bundled_price_leads_back_to_it(self) -> None:
        whole = bundled()
        catalogue = Catalogue(whole)
        seen = 0
        for name in catalogue.catalogues():
            for each in catalogue.models(name):
                for dated in itertools.chain(each.prices, *each.tiers.values()):
                    if dated.price is not None:
                        row = parse(dated.price.id)
                        assert row is not None
                        assert listed_price(whole, row) == dated.price
                        seen += 1
                if seen > 400:
                    return

    def test_own_prices_and_free_ones_are_told_by_their_ids(self) -> None:
        own = own_price("edge/my-model", {"input": "0.10", "output": "0.40", "request": "0.001"})
        assert constant_price(own.id) == own
        assert constant_price("free") is FREE

    @pytest.mark.parametrize(
        "text", ["", "x", "a/b", "a@2026-11-24", "/@", "a/@x", "a/b@c#x", "e/m@own;input=x", "e/m@own;"]
    )
    def test_what_is_no_id_leads_nowhere(self, text: str) -> None:
        found = parse(text)
        assert found is None or listed_price(snapshot(model()), found) is None
        assert constant_price(text) is None


class TestDifference:
    def test_everything_that_changed_is_told_once(self) -> None:
        tiers = (TierQuote(above=200_000, input="6"),)
        old = snapshot(model("a"), model("b"), ModelRow(id="c", prices=(Row(input="1", tiers=tiers),)), model("d"))
        dated = (Row(input="1", tiers=(TierQuote(above=200_000, input="7"),)), Row(input="2", starts="2027-01-01"))
        renamed = replace(model("d"), match=Match(equals=("delta",)))
        new = successor(model("b", input="2.5"), ModelRow(id="c", prices=dated), renamed, model("e"))
        found = difference(old, new)
        assert (found.added, found.removed, found.renamed) == (("v/e",), ("v/a",), ("v/d",))
        assert found.changed == (
            Change("v/b", "input", "3", "2.5"),
            Change("v/c", "above 200000 input", "6", "7"),
            Change("v/c", "from 2027-01-01 input", None, "2"),
        )

    def test_a_list_does_not_differ_from_itself(self) -> None:
        found = difference(bundled(), bundled())
        assert (found.added, found.removed, found.changed, found.renamed) == ((), (), (), ())


class TestPlausible:
    def test_an_ordinary_change_can_follow(self) -> None:
        old = snapshot(model("a"), model("b"))
        assert faults(old, successor(model("a", input="0.3", cache_read="0.03"), model("b"), model("c"))) == ()

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            (model(input="30.1"), "v/m: input would go from 3 to 30.1"),
            (model(output="1.4"), "v/m: output would go from 15 to 1.4"),
            (model(input="0"), "v/m: input was 3 and would be nothing"),
            (ModelRow(id="m"), "v/m had a price and would have none"),
        ],
    )
    def test_an_odd_price_is_refused_until_somebody_accepts_it(self, row: ModelRow, said: str) -> None:
        assert faults(snapshot(model()), successor(row)) == (said,)
        assert faults(snapshot(model()), successor(row), ["v/*"]) == ()

    def test_an_odd_price_is_refused_on_whatever_day_and_tier_it_would_count(self) -> None:
        tiers = (TierQuote(above=200_000, input="31"),)
        for row in (Row(input="31", output="15", starts="2027-01-01"), Row(input="3", output="15", tiers=tiers)):
            (said,) = faults(snapshot(model()), successor(ModelRow(id="m", prices=(model().prices[0], row))))
            assert said == "v/m: any input would go from 3 to 31"

    def test_a_model_that_was_free_may_cost_something(self) -> None:
        assert faults(snapshot(model(input="0", output="0")), successor(model())) == ()

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            (model(input="-1"), "v/m: input is '-1', not a plain decimal"),
            (model(input="1e3"), "not a plain decimal"),
            (replace(model(), match=Match(regex=("(",))), "'(' is no regular expression"),
            (replace(model(), match=Match(every=((Match(regex=("a" * 600,)),),))), "more than 512 characters"),
            (ModelRow(id="m", prices=(Row(cache_read="x"),)), "cache_read is 'x'"),
            (replace(model(), variants=(Variant(tier="flex", output="1,5"),)), "output is '1,5'"),
            (ModelRow(id="m", prices=(Row(input="1", starts="soon"),)), "soon"),
            (ModelRow(id="m", prices=(Row(input="1"), Row(input="1", between=("25:00", "01:00")))), "v: "),
            (model("a\nb"), "is no model's name"),
            (model(""), "is no model's name"),
        ],
    )
    def test_what_could_not_be_used_is_refused_whoever_accepts_it(self, row: ModelRow, said: str) -> None:
        (found,) = faults(snapshot(model()), successor(row), ["*"])
        assert said in found

    def test_a_model_twice_and_no_model_at_all_are_refused(self) -> None:
        assert "twice" in faults(snapshot(model()), successor(model(), model()))[0]
        assert "0 models" in faults(snapshot(model()), successor())[0]

    def test_fewer_models_than_nine_in_ten_are_refused(self) -> None:
        old = snapshot(*(model(f"m{number}") for number in range(20)))
        assert faults(old, successor(*(model(f"m{number}") for number in range(18)))) == ()
        (said,) = faults(old, successor(*(model(f"m{number}") for number in range(17))), ["*"])
        assert said.startswith("3 of 20 models are missing, among them v/m17")

    def test_a_vendor_that_is_missing_is_refused(self) -> None:
        other = Section(id="w", title="W", models=(model("x"),))
        rows = tuple(model(f"m{number}") for number in range(20))
        old = replace(snapshot(*rows), catalogues=(*snapshot(*rows).catalogues, other))
        assert faults(old, successor(*rows)) == ("all models of w are missing",)

    def test_an_older_list_is_refused(self) -> None:
        (said,) = faults(successor(model()), snapshot(model()))
        assert "not newer than the list that counts, of 2026-11-25" in said

    def test_no_more_is_said_than_a_person_reads(self) -> None:
        rows = [model(f"m{number}") for number in range(100)]
        assert len(faults(snapshot(*rows), successor(*(replace(row, prices=()) for row in rows)))) == FAULTS_MAX


class TestSignature:
    KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    def test_a_signed_file_is_proven_and_no_other(self) -> None:
        document, public = encode(snapshot(model())), signature.public_text(self.KEY)
        assert is_public_key(public)
        signed = signature.sign(document, self.KEY)
        signature.verify(document, signed + "\n", public)
        other = signature.public_text(Ed25519PrivateKey.generate())
        for bad in (
            (document + b" ", signed, public),
            (document, signed, other),
            (document, signed[:-8] + "AAAAAAA=", public),
        ):
            with pytest.raises(ValueError, match="signature"):
                signature.verify(*bad)

    @pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:***", "AAAA"])
    def test_what_is_no_signature_proves_nothing(self, text: str) -> None:
        with pytest.raises(ValueError, match="not one"):
            signature.verify(b"x", text, signature.public_text(self.KEY))

    def test_a_signature_of_something_else_is_none_of_a_list(self) -> None:
        raw = signature.sign(b"x", self.KEY)
        with pytest.raises(ValueError, match="not of this file"):
            signature.verify(signature.PURPOSE + b"x", raw, signature.public_text(self.KEY))

    def test_only_an_ed25519_key_in_pem_signs(self) -> None:
        def pem(key: Ed25519PrivateKey | X25519PrivateKey) -> str:
            return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

        assert signature.public_text(signature.private_key(pem(self.KEY))) == signature.public_text(self.KEY)
        for text in ("", "secret-canary", pem(X25519PrivateKey.generate())):
            with pytest.raises(ValueError, match="openssl genpkey") as caught:
                signature.private_key(text)
            assert "canary" not in str(caught.value)


class TestReceived:
    def test_genai_prices_data_becomes_a_list_of_the_day(self) -> None:
        found = received.read(RAW, DAY, "2026-11-24")
        assert (found.is_ours, found.snapshot.as_of) == (False, "2026-11-25")
        assert decode(found.document) == found.snapshot
        assert found.received[:16] in found.snapshot.source
        assert received.read(RAW, DAY, "2026-11-25").snapshot.as_of == "2026-11-25.2"

    def test_a_list_of_ours_is_kept_byte_for_byte_with_its_date(self) -> None:
        document = encode(snapshot(model())).replace(b",", b", ", 1)
        found = received.read(document, DAY, "2026-12-24")
        assert (found.is_ours, found.document, found.digest) == (True, document, found.received)
        assert found.snapshot == snapshot(model())

    def test_the_published_data_is_read(self) -> None:
        data = (shared_dir("specs") / "prices" / "genai-prices.v2.data.json").read_bytes()
        found = received.read(data, DAY, "2026-01-01")
        assert sum(len(section.models) for section in found.snapshot.catalogues) > 1000
        assert faults(replace(found.snapshot, as_of="2026-01-01"), found.snapshot) == ()

    @pytest.mark.parametrize(
        "data",
        [b"", b"[", b"{}", b"null", b"<html>", b"\xff", b"[" * 5000, b'{"as_of":"x","source":"","catalogues":[]}'],
    )
    def test_nonsense_is_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            received.read(data, DAY, "2026-11-24")

    def test_a_file_that_is_cut_off_anywhere_is_refused(self) -> None:
        whole = bundled()
        ours = encode(replace(whole, catalogues=whole.catalogues[:3]))
        cuts = random.Random(7)
        for data in (ours, RAW):
            for _ in range(60):
                cut = data.rstrip()[: cuts.randrange(len(data.rstrip()) - 1)]
                with pytest.raises(ValueError, match="neither a price list"):
                    received.read(cut, DAY, "2026-11-24")

    @pytest.mark.parametrize("amount", [b"1e400", b'"NaN"', b'"Infinity"', b"-1", b'"-0.5"'])
    def test_amounts_beyond_sense_never_become_a_list_that_counts(self, amount: bytes) -> None:
        old = importer.snapshot(importer.decode(RAW), "t", "2026-11-24")
        try:
            new = received.read(RAW.replace(b"1.5", amount), DAY, "2026-11-24").snapshot
        except ValueError:
            return
        assert faults(old, new, ["*"])
