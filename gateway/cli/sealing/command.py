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
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Pages, or the output folder of a site generator.")],
    out: Annotated[Path, typer.Option(help="The folder for the sealed site; the sources are not changed.")] = OUT,
    in_place: Annotated[bool, typer.Option("--in-place", help="Overwrite the sources instead.")] = False,  # noqa: FBT002  # typer's form
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if something would change.")] = False,  # noqa: FBT002
    allow_copies: Annotated[bool, typer.Option("--allow-copies", help="Allow copies of paid words in clear.")] = False,  # noqa: FBT002
    unsealed: Annotated[
        list[str] | None,
        typer.Option(help="Files whose paywalls have no paid part on purpose, like 'docs/*.html'."),
    ] = None,
    creator: Annotated[str, typer.Option(help="The creator of new items whose tags name none.")] = "",
    price: Price = None,
    share: ShareOption = None,
    origin: Origins = None,
    site: Annotated[str, typer.Option(help="The address of the site, for pages without a canonical link.")] = "",
    gateway: Annotated[
        str | None, typer.Option(envvar="TUPPENCE_GATEWAY", help="A remote gateway, like https://pay.example.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="TUPPENCE_API_KEY", help="A creator's API key at the remote gateway.")
    ] = None,
) -> None:
    """Seal the paid parts of pages, so that a payment opens them in place.

    A paid part is <template data-paid>…</template> inside <tuppence-paywall item="my-essay">, whose tag may also name
    creator, price and share. Sealing replaces it by its ciphertext; readers buy the key. An item keeps its key, so
    earlier readers can open the page however often it is sealed. All readers of an item get the same key.
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
