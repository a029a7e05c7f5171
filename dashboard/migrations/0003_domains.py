
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0002_http_surface'),
    ]

    operations = [
        migrations.AddField(
            model_name='deployment',
            name='domain',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='dashboard.domain'),
        ),
        migrations.AddField(
            model_name='domain',
            name='latest',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dashboard.deployment'),
        ),
        migrations.AddField(
            model_name='restapi',
            name='live_address',
            field=models.CharField(blank=True, default='', editable=False, max_length=600),
        ),
        migrations.AddField(
            model_name='restapi',
            name='live_stage',
            field=models.CharField(blank=True, default='prod', editable=False, max_length=128),
        ),
        migrations.AlterField(
            model_name='deployment',
            name='rest_api',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='dashboard.restapi', verbose_name='REST API'),
        ),
        migrations.AlterField(
            model_name='restapi',
            name='created_by',
            field=models.CharField(editable=False, max_length=150),
        ),
        migrations.AlterField(
            model_name='restapi',
            name='gone_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='restapi',
            name='gone_by',
            field=models.CharField(blank=True, default='', editable=False, max_length=150),
        ),
        migrations.AlterField(
            model_name='restapi',
            name='live',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dashboard.deployment'),
        ),
        migrations.AddIndex(
            model_name='deployment',
            index=models.Index(fields=['domain', '-requested_at', 'id'], name='dashboard_d_domain__6739e9_idx'),
        ),
        migrations.AddConstraint(
            model_name='deployment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('domain__isnull', True), ('rest_api__isnull', False)), models.Q(('domain__isnull', False), ('rest_api__isnull', True)), _connector='OR'), name='deployment_of_one_owner'),
        ),
        migrations.AddConstraint(
            model_name='deployment',
            constraint=models.UniqueConstraint(fields=('domain', 'number'), name='deployment_domain_number'),
        ),
        migrations.AddConstraint(
            model_name='deployment',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['QUEUED', 'PLANNING', 'PLANNED', 'APPLYING'])), fields=('domain',), name='deployment_domain_one_active'),
        ),
    ]
