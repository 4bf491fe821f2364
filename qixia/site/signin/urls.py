"""Addresses of signing in, registering and consent."""

from django.urls import path

from qixia.site.signin import consents, password, phone, staff

urlpatterns = [
    path("sign-in", phone.ask_phone, name="sign-in"),
    path("sign-in/code", phone.ask_code, name="sign-in-code"),
    path("sign-in/again", phone.send_again, name="sign-in-again"),
    path("sign-in/register", phone.register, name="register"),
    path("sign-in/consent/<slug:kind>", consents.ask, name="consent-ask"),
    path("sign-out", phone.sign_out, name="sign-out"),
    path("staff/sign-in", staff.ask_password, name="staff-sign-in"),
    path("staff/code", staff.ask_totp, name="staff-totp"),
    path("staff/code.svg", staff.totp_picture, name="staff-totp-picture"),
    path("me/password", password.own_password, name="own-password"),
    path("me/consents", consents.overview, name="consents"),
]
