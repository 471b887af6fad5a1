from django.urls import path

from apps.ores_api import views
from vpp.protocols.ores.description import PATH
from vpp.protocols.ores.routes import ROUTES

FIRMWARE = "/device/firmware/update"

urlpatterns = [
    path(FIRMWARE.removeprefix("/"), views.firmware_update, name="device-firmware-update"),
    *(
        path(one.removeprefix("/"), views.OresView.as_view(), name="ores" + one.replace("/", "-"))
        for one in ROUTES
        if one != FIRMWARE
    ),
    path(PATH.removeprefix("/"), views.describe, name="ores-description"),
]
