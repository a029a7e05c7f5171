"""Every page wants a signed-in person, but for those marked ``login_not_required``."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.http import urlencode

from dashboard.views.errors import wrong_method


def friendly_405(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Django's own answer to a wrong method is an empty page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            return wrong_method(request, response["Allow"])
        return response

    return middleware


class SignInMiddleware(LoginRequiredMiddleware):
    """A partial never gets the sign-in page: its whole page goes there, and comes back."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        htmx = bool(request.headers.get("HX-Request"))
        if not htmx and request.method in {"GET", "HEAD"}:
            return super().handle_no_permission(request, view_func)
        # What cannot be opened by its address leads back to the page that it came from.
        came_from = request.headers.get("HX-Current-URL" if htmx else "Referer", "")
        try:
            page = urlsplit(came_from)
        except ValueError:
            page = urlsplit("/")
        back = f"{page.path}?{page.query}" if page.query else page.path or "/"
        if page.netloc not in {"", request.get_host()}:
            back = "/"
        url = f"{resolve_url('login')}?{urlencode({'next': back})}"
        if not htmx:
            return HttpResponseRedirect(url)
        answer = HttpResponseRedirect(url)
        # A 302 would be followed, and the sign-in page swapped into the part.
        answer.status_code = 200
        answer["HX-Redirect"] = url
        del answer["Location"]
        return answer
