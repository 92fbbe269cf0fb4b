"""How long a job will still take, and whether whoever was at it got any further; how many raters
can be planned."""

import django.core.validators
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
        migrations.AlterField(
            model_name='study',
            name='planned_raters',
            field=models.PositiveSmallIntegerField(default=26, help_text='How many are to finish, decided beforehand; see `manage.py plan_raters`.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)]),
        ),
    ]
