"""Every page wants a signed-in person, but for those marked ``login_not_required``."""

from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect


class SignInMiddleware(LoginRequiredMiddleware):
    """A partial never gets the sign-in page: its whole page goes there, and comes back."""

    def handle_no_permission(self, request: HttpRequest, view_func: object) -> HttpResponse:
        if not request.headers.get("HX-Request"):
            response: HttpResponse = super().handle_no_permission(request, view_func)
            return response
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = f"{page.path}?{page.query}" if page.query else page.path or "/"
        return HttpResponseClientRedirect(
            f"{resolve_url('login')}?{urlencode({'next': back})}"
        )
