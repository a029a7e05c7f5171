"""What a person sees instead of a page: the cause, and a way on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    context = {
        "title": "You may not do this",
        "text": "Your account lacks the permission for it. Ask an administrator: "
        "they can grant it on the admin pages, under Users.",
    }
    return render(request, "error.html", context, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    context = {
        "title": "There is no such page",
        "text": "The address may be mistyped, or what it showed is gone.",
    }
    return render(request, "error.html", context, status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    context = {
        "title": "This page was open since before you signed in",
        "text": "So Stepgate could not tell that the request was yours, and did nothing. Go "
        "back, reload the page and press the button again.",
    }
    return render(request, "error.html", context, status=403)


def wrong_method(request: HttpRequest, allowed: str) -> HttpResponse:
    context = {
        "title": "This address is no page",
        "text": f"It only takes {allowed}: it is what a button sends. Open the trigger or "
        "the deployment, and press the button there.",
    }
    response = render(request, "error.html", context, status=405)
    response["Allow"] = allowed
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    # Without the frame: its database queries may be what failed.
    return HttpResponse(render_to_string("500.html"), status=500)
