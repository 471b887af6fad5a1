"""What a grid signal is and asks for, in templates."""

from django import template

from apps.programs import wording

register = template.Library()
register.filter("kind_words", wording.kind_words)
register.filter("asked_words", wording.asked_words)
register.filter("rank_words", wording.rank_words)
register.filter("alert_title", wording.alert_title)
