"""Sentences that are stored, or come from hubs and lower rooms, in English: said in the reader's language."""

from apps.portal.phrases.saying import filled, for_household, refused, said, say

__all__ = ["filled", "for_household", "refused", "said", "say"]
