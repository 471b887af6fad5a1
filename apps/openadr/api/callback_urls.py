from django.urls import path

from apps.openadr.api.callbacks import CallbackView

urlpatterns = [path("<str:callback_key>", CallbackView.as_view(), name="openadr-callback")]
