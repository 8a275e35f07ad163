"""The Django application of mozilla_django_oidc_client.py: its URLs, its pages, and who its users are."""
from django.http import JsonResponse
from django.shortcuts import redirect
from django.urls import include, path
from mozilla_django_oidc.auth import OIDCAuthenticationBackend


class Backend(OIDCAuthenticationBackend):
    """Keeps the profile, so that pages can say who acts."""

    def get_userinfo(self, access_token, id_token, payload):
        profile = super().get_userinfo(access_token, id_token, payload)
        self.request.session["profile"] = profile
        return profile


def me(request):
    if not request.user.is_authenticated:
        return JsonResponse(None, safe=False)
    session = request.session
    return JsonResponse({"email": request.user.email, "profile": session["profile"], "id_token": session["oidc_id_token"]})


def age(request):
    """As if fifteen minutes had passed."""
    request.session["oidc_id_token_expiration"] = 0
    return JsonResponse({})


def login(request):
    """Where the provider sends a person who wants in (OpenID Connect Core §4)."""
    return redirect("oidc_authentication_init")


urlpatterns = [
    path("oidc/", include("mozilla_django_oidc.urls")),
    path("me", me),
    path("age", age),
    path("login", login),
]
