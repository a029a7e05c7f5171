"""Every page wants a signed-in person, but for those marked ``login_not_required``."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.http import urlencode


class SignInMiddleware(LoginRequiredMiddleware):
    """A partial never gets the sign-in page: its whole page goes there, and comes back."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        if not request.headers.get("HX-Request"):
            return super().handle_no_permission(request, view_func)
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = f"{page.path}?{page.query}" if page.query else page.path or "/"
        url = f"{resolve_url('login')}?{urlencode({'next': back})}"
        answer = HttpResponseRedirect(url)
        # A 302 would be followed, and the sign-in page swapped into the part.
        answer.status_code = 200
        answer["HX-Redirect"] = url
        del answer["Location"]
        return answer
