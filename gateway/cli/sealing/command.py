"""`tuppence seal`: the options of the command; `gateway.cli.sealing.seal` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.catalog import Origins, Price, ShareOption
from gateway.errors import Invalid

OUT = Path("sealed")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("seal")(seal)


def seal(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Pages, or the folder that a generator wrote.")],
    out: Annotated[Path, typer.Option(help="The folder for the sealed site; the sources stay as they are.")] = OUT,
    in_place: Annotated[bool, typer.Option("--in-place", help="Overwrite: for a generator's output.")] = False,  # noqa: FBT002  # typer's form
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail where something would change.")] = False,  # noqa: FBT002
    allow_copies: Annotated[bool, typer.Option("--allow-copies", help="Paid words may be quoted in clear.")] = False,  # noqa: FBT002
    unsealed: Annotated[
        list[str] | None,
        typer.Option(help="A file that names a paywall and is meant to hold no paid part, like 'docs/*.html'."),
    ] = None,
    creator: Annotated[str, typer.Option(help="Who sells what is new, where its tag does not say.")] = "",
    price: Price = None,
    share: ShareOption = None,
    origin: Origins = None,
    site: Annotated[str, typer.Option(help="Where the site will stand, for pages without a canonical link.")] = "",
    gateway: Annotated[
        str | None, typer.Option(envvar="TUPPENCE_GATEWAY", help="A gateway elsewhere, like https://pay.example.")
    ] = None,
    api_key: Annotated[str | None, typer.Option(envvar="TUPPENCE_API_KEY", help="A creator's key there.")] = None,
) -> None:
    """Seal the paid parts of pages, so that a payment opens them where they stand.

    A paid part is <template data-paid>…</template> inside <tuppence-paywall item="my-essay">, whose tag may also say
    creator, price and share. It leaves the page: what stays is its ciphertext, and the key is what readers buy.
    An item keeps its key, so who has paid can open the page however often it is sealed. All who pay share that key.
    """
    _check_extra()
    from gateway.cli.sealing.seal import Options, seal_site

    options = Options(
        creator=creator,
        price=price,
        shares=share or [],
        origins=origin,
        site=site,
        unsealed=unsealed or [],
        allow_copies=allow_copies,
        check=check,
    )
    if not seal_site(paths, None if in_place else out, options, gateway=gateway, api_key=api_key):
        raise typer.Exit(1)


def _check_extra() -> None:
    try:
        import justhtml  # noqa: F401  # an extra

        import gateway.cli.sealing.jwe  # noqa: F401
    except ImportError as error:
        raise Invalid("seal_extra_missing", "Sealing needs an extra: pip install '.[seal]' in the checkout.") from error
