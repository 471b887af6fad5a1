"""E-mail: plain text and HTML, with a link to stop this kind that works by one click (RFC 8058)."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from apps.alerts.errors import DeliveryError, DeliveryRefusedError
from apps.alerts.models import Channel, Delivery, Notification
from apps.alerts.unsubscribing import token_of
from apps.alerts.wording import Words


def send(*, delivery: Delivery, words: Words) -> None:
    """Hand one message to the mail server."""
    message = message_of(delivery.notification, words)
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        refused = DeliveryRefusedError if code >= 500 else DeliveryError
        raise refused(f"the mail server refuses the address ({code})") from error
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"the mail server did not take it: {error}"[:200]) from error


def message_of(notification: Notification, words: Words) -> EmailMultiAlternatives:
    """Return the message as it is sent."""
    stop = settings.SITE_URL + reverse("portal:unsubscribe", args=[token_of(notification, Channel.EMAIL)])
    context = {
        "words": words, "kind": notification.get_kind_display(), "link": settings.SITE_URL + words.path,
        "settings_link": settings.SITE_URL + reverse("portal:notification_settings"), "stop": stop,
    }  # fmt: skip
    message = EmailMultiAlternatives(
        subject=" ".join(words.title.split()),
        body=render_to_string("alerts/email.txt", context),
        to=[notification.user.email],
        headers={
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(render_to_string("alerts/email.html", context), "text/html")
    return message
