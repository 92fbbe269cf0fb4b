"""Every address of the site: those of the two wings, and one that browsers ask by themselves."""

from django.urls import include, path

from study.site.static_storage import favicon

handler400 = "study.site.errors.unusable"
handler404 = "study.site.errors.not_found"
handler500 = "study.site.errors.failed"

urlpatterns = [
    path("", include("study.rating.urls")),
    path("", include("study.desk.urls")),
    path("favicon.ico", favicon, name="favicon"),
]
