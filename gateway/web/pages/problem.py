"""Pages for refusals and for addresses that do not exist."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.errors import TuppenceError
from gateway.web.http.language import words_of
from gateway.web.http.problems import status_of
from gateway.web.http.render import refused_form, render
from gateway.web.pages.refusal_texts import NOTHING_HERE, explain, title_of
from gateway.web.pages.token_cookie import merge_former_cookies

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def as_page(handler: Handler) -> Handler:
    """Wrap a handler so that its errors are answered with a page."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except TuppenceError as error:
            response = problem_page(request, error)
        merge_former_cookies(request, response)
        return response

    return answer


def problem_page(request: web.Request, error: TuppenceError) -> web.Response:
    """The page for an error: what happened, and when to try again."""
    words, status, seconds = words_of(request), status_of(error), error.retry_after_seconds
    view = {
        "status": status,
        "title": title_of(status, words),
        "detail": explain(error, words),
        "retry_after_seconds": seconds,
        "retry_after": "" if seconds is None else words.duration(seconds, "second"),
    }
    return refused_form(request, "problem.html", view, error)


def not_found_page(request: web.Request) -> web.Response:
    """The page for an address that does not exist."""
    words = words_of(request)
    view = {"status": 404, "title": title_of(404, words), "detail": words.say(NOTHING_HERE)}
    return render(request, "problem.html", view, status=404)
