"""A creator has the notes beside their tips deleted at once."""

from tests.support.site import Site


async def test_a_creators_notes_go_when_they_say_so(site: Site) -> None:
    for name in ("alice", "bob"):
        _, invoice = await site.call(
            "POST", f"/v1/creators/{name}/tips", json={"amount_msat": 1_000, "message": f"for {name}"}
        )
        await site.settle(invoice["payment_hash"])
    waiting = {"amount_msat": 1_000, "message": "not paid yet"}
    await site.call("POST", "/v1/creators/alice/tips", json=waiting)
    status, purged = await site.call("DELETE", "/v1/admin/creators/alice/notes", headers=site.operator)
    assert (status, purged["notes"]) == (200, 1)
    assert sorted(str(row[1]) for row in site.dump()["tip_notes"]) == ["for bob", "not paid yet"]
