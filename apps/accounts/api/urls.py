from django.urls import path

from apps.accounts.api import jobs, members, tenant

urlpatterns = [
    path("organization", tenant.OrganizationView.as_view(), name="api-organization"),
    path("members", members.MembersView.as_view(), name="api-members"),
    path("members/<int:membership_id>", members.MemberView.as_view(), name="api-member"),
    path("api-clients", tenant.ApiClientsView.as_view(), name="api-clients"),
    path("api-clients/<int:credential_id>", tenant.ApiClientView.as_view(), name="api-client"),
    path(
        "api-clients/<int:credential_id>/rotate",
        tenant.ApiClientRotateView.as_view(),
        name="api-client-rotate",
    ),
    path("audit-log", tenant.AuditLogView.as_view(), name="api-audit-log"),
    path("jobs", jobs.JobsView.as_view(), name="api-jobs"),
    path("jobs/<uuid:job_id>", jobs.JobView.as_view(), name="api-job"),
]
