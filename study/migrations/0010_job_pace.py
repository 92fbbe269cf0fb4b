"""How long a job will still take, and whether whoever was at it got any further."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('study', '0009_desk_watched'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='least_left',
            field=models.PositiveIntegerField(help_text='Of the unit, when a holder that is gone had come furthest.', null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='rate',
            field=models.FloatField(help_text='Of the unit in a second, while it runs.', null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='seconds_left',
            field=models.FloatField(help_text='As it looked when the last was done.', null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='vain',
            field=models.PositiveSmallIntegerField(help_text='How often its holder was gone without a word since it got on.', null=True),
        ),
    ]
