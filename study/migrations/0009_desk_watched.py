"""Roles in studies, names and mail addresses of links, letters, and raters who are approved."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("study", "0008_desk"),
    ]
    operations = [
        # The table of researchers, which Django made by itself, becomes one of ours: whoever was a
        # researcher of a study could do everything with it, and is its owner.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Member",
                    fields=[
                        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                        ("study", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="members", to="study.study")),
                        ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to=settings.AUTH_USER_MODEL)),
                    ],
                    options={"db_table": "study_study_researchers", "ordering": ["study", "user__username"]},
                ),
                migrations.AlterField(
                    model_name="study",
                    name="researchers",
                    field=models.ManyToManyField(blank=True, help_text="Who works on the study, each in a role.", through="study.Member", to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.CreateModel(
            name='Letter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('invite', 'Invitation'), ('remind', 'Reminder')], max_length=6)),
                ('subject', models.CharField(max_length=200)),
                ('body', models.TextField(help_text='With the places that are filled in when it is sent: a link opens a door, and is not kept here.')),
                ('mail', models.EmailField(help_text='As it was when the letter was asked for.', max_length=254, verbose_name='address')),
                ('asked_at', models.DateTimeField(auto_now_add=True)),
                ('begun_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(help_text='When the mail server took it.', null=True)),
                ('problem', models.CharField(blank=True, help_text='Why it was not taken.', max_length=300)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.AddField(
            model_name='invitation',
            name='mail',
            field=models.EmailField(blank=True, help_text='As the name.', max_length=254, verbose_name='mail address'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='name',
            field=models.CharField(blank=True, help_text="For researchers alone: in no export, and deleted with the rater's data.", max_length=200, verbose_name='name or note'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='replaces',
            field=models.OneToOneField(blank=True, help_text='The revoked link in whose place this one was made.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='replaced_by', to='study.invitation'),
        ),
        migrations.AddField(
            model_name='member',
            name='role',
            field=models.CharField(choices=[('owner', 'Owner'), ('editor', 'Editor'), ('viewer', 'Viewer')], default='owner', max_length=6),
        ),
        migrations.AddField(
            model_name='rater',
            name='approved_at',
            field=models.DateTimeField(help_text="When a researcher accepted this rater's work, where a study asks for it.", null=True),
        ),
        migrations.AddField(
            model_name='study',
            name='approves',
            field=models.BooleanField(default=False, editable=False, help_text='Whoever finished waits until somebody accepts their work, to pay them by it.', verbose_name='raters are approved'),
        ),
        migrations.AlterField(
            model_name='deed',
            name='kind',
            field=models.CharField(choices=[('created', 'Made the study'), ('changed', 'Changed settings'), ('copied', 'Copied from another study'), ('deleted', 'Deleted the study'), ('put away', 'Took the study out of the list'), ('brought', 'Brought the study back into the list'), ('opened', 'Opened the study'), ('closed', 'Closed the study'), ('invited', 'Made links'), ('revoked', 'Revoked a link'), ('replaced', 'Made a link in place of another'), ('named', 'Changed names or mail addresses of links'), ('listed', 'Took the list of raters with their links'), ('wrote', 'Asked for mail to raters'), ('approved', 'Approved raters'), ('shared', 'Changed who works on the study'), ('measured', 'Brought in figures of measures'), ('added', 'Brought into the catalogue'), ('removed', 'Took out of the catalogue'), ('asked', 'Asked for long work'), ('cancelled', 'Cancelled long work'), ('rehearsed', 'Played simulated raters'), ('looked', 'Saw results'), ('took', 'Took a file'), ('told', 'Exported the data of one rater'), ('erased', 'Deleted the data of one rater'), ('fault', 'Found an image missing or altered'), ('mended', 'Found a faulty image right again'), ('signed in', 'Signed in'), ('signed out', 'Signed out'), ('refused', 'Failed to sign in'), ('password', 'Changed a password'), ('forgot', 'Asked for a way to a forgotten password'), ('address', 'Changed the mail address of an account'), ('account', 'Made an account'), ('rights', 'Changed what an account may do')], max_length=12),
        ),
        migrations.AlterField(
            model_name='job',
            name='kind',
            field=models.CharField(choices=[('generate', 'Make and measure outputs'), ('measure', 'Give a study figures that were measured since'), ('add benchmark', 'Bring in a benchmark set'), ('add set', 'Bring in a set'), ('add outputs', 'Bring in outputs of a method'), ('add model', 'Bring in a model'), ('archive', 'Make an archive'), ('rehearse', 'Play simulated raters'), ('mail', 'Send mail to raters')], max_length=15),
        ),
        migrations.AddIndex(
            model_name='trial',
            index=models.Index(fields=['rater', 'kind'], name='trial_of_kind'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.UniqueConstraint(fields=('study', 'user'), name='one_role_in_a_study'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'editor', 'viewer'])), name='role_is_known'),
        ),
        migrations.AddField(
            model_name='letter',
            name='asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='letter',
            name='invitation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='letters', to='study.invitation'),
        ),
        migrations.AddIndex(
            model_name='deed',
            index=models.Index(condition=models.Q(('kind', 'forgot')), fields=['kind', 'address', 'at'], name='forgot_address'),
        ),
    ]
