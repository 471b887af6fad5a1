from django.urls import path

from apps.sites.api import areas, imports, sites

urlpatterns = [
    path("grid-areas", areas.GridAreasView.as_view(), name="api-grid-areas"),
    path("grid-areas/<int:area_id>", areas.GridAreaView.as_view(), name="api-grid-area"),
    path("imports", imports.ImportsView.as_view(), name="api-imports"),
    path("imports/<uuid:import_id>", imports.ImportView.as_view(), name="api-import"),
    path("imports/<uuid:import_id>/rows", imports.ImportRowsView.as_view(), name="api-import-rows"),
    path("imports/<uuid:import_id>/csv", imports.ImportReportView.as_view(), name="api-import-report"),
    path("imports/<uuid:import_id>/apply", imports.ImportApplyView.as_view(), name="api-import-apply"),
    path("imports/<uuid:import_id>/undo", imports.ImportUndoView.as_view(), name="api-import-undo"),
    path("sites", sites.SitesView.as_view(), name="api-sites"),
    path("sites/<int:site_id>", sites.SiteView.as_view(), name="api-site"),
    path("sites/<int:site_id>/members", sites.SiteMembersView.as_view(), name="api-site-members"),
    path("sites/<int:site_id>/resources", sites.ResourcesView.as_view(), name="api-site-resources"),
    path(
        "sites/<int:site_id>/resources/<int:resource_id>",
        sites.ResourceView.as_view(),
        name="api-site-resource",
    ),
]
