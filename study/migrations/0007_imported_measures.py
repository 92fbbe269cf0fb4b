# Written by hand, 2026-11-27

from django.db import migrations

COMPUTED = ("dists", "niqe")
"""Until now others' figures only; from now on computed here, under these names."""


def imported_figures_keep_a_column(apps, schema_editor):
    """What others computed is nobody's to overwrite, and no column mixes it with ours."""
    Measure = apps.get_model("study", "Measure")
    for measure in Measure.objects.filter(name__in=COMPUTED):
        name, number = f"{measure.name}_imported", 2
        while Measure.objects.filter(name=name).exists():
            name, number = f"{measure.name}_imported_{number}", number + 1
        measure.name, measure.title = name, f"{measure.title} (imported)"[:100]
        measure.save()


class Migration(migrations.Migration):

    dependencies = [
        ('study', '0006_scales'),
    ]

    operations = [
        migrations.RunPython(imported_figures_keep_a_column, migrations.RunPython.noop),
    ]
