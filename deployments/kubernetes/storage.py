"""Volumes, and the nightly backup of both databases onto one of them."""

from lightkube.models.batch_v1 import CronJobSpec, JobSpec, JobTemplateSpec
from lightkube.models.core_v1 import (
    Container,
    EnvVar,
    EnvVarSource,
    ObjectFieldSelector,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource,
    Volume,
    VolumeMount,
    VolumeResourceRequirements,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.batch_v1 import CronJob
from lightkube.resources.core_v1 import PersistentVolumeClaim

from deployments.kubernetes.network import BACKUP
from deployments.kubernetes.platforms import Platform
from deployments.kubernetes.pods import (
    PART_OF,
    SHARED_CLAIM,
    PodOptions,
    Size,
    closed,
    labels_of,
    secret,
    template,
    writable,
)
from deployments.kubernetes.secrets import BACKUPS, CONNECTION
from deployments.kubernetes.values import Values

BACKUP_CLAIM = "agent-flows-backups"
FOLDER = "/backups"
NIGHTLY = {"journal": "15 1 * * *", "prefect": "45 1 * * *"}
SIZE = Size(cpu=250, memory=256, most_cpu=1_000, most_memory=1_024)


def claims(platform: Platform) -> list[PersistentVolumeClaim]:
    """The folders that pods share, and the one of backups."""
    shared = _claim(SHARED_CLAIM, "ReadWriteMany", "20Gi", platform.shared_storage)
    return [shared, _claim(BACKUP_CLAIM, "ReadWriteOnce", "50Gi", platform.disk)]


def backups(values: Values) -> list[CronJob]:
    """A dump of each database every night, which is read again before the Job counts as done."""
    return [_backup(name, database, values) for name, database in BACKUPS.items()]


def dump(name: str, database: str, values: Values) -> list[Container]:
    """The steps: old dumps go, a new one is made under the pod's name, and its contents are listed."""
    file = f"{FOLDER}/{database}-$(POD_NAME).dump"  # Kubernetes puts the name in; there is no shell
    old = [
        "find",
        FOLDER,
        "-name",
        f"{database}-*.dump",
        "-mtime",
        f"+{values.backup_days}",
        "-delete",
    ]
    made = [
        "pg_dump",
        "--format=custom",
        "--no-password",
        "--lock-wait-timeout=60s",
        f"--file={file}",
    ]
    listed = ["pg_restore", "--list", file]
    steps = {"remove-old": old, "dump": made, "read-again": listed}
    return [_step(step, command, name, values) for step, command in steps.items()]


def _step(step: str, command: list[str], name: str, values: Values) -> Container:
    pod = EnvVarSource(fieldRef=ObjectFieldSelector(fieldPath="metadata.name"))
    connection = [secret(key, name) for key in CONNECTION] if step == "dump" else []
    return Container(
        name=step,
        image=values.backup_image,
        imagePullPolicy="IfNotPresent",
        command=command,
        env=[EnvVar(name="POD_NAME", valueFrom=pod), *connection],
        resources=SIZE.resources,
        securityContext=closed(),
        volumeMounts=[*writable(), VolumeMount(mountPath=FOLDER, name="backups")],
    )


def _backup(name: str, database: str, values: Values) -> CronJob:
    *first, last = dump(name, database, values)
    options = PodOptions("backup", "agent-flows-background", first=tuple(first))
    pod = template(name, BACKUP, [last], None, options)
    assert pod.spec is not None
    assert pod.spec.volumes is not None
    claim = PersistentVolumeClaimVolumeSource(claimName=BACKUP_CLAIM)
    pod.spec.volumes.append(Volume(name="backups", persistentVolumeClaim=claim))
    pod.spec.restartPolicy = "Never"
    pod.spec.topologySpreadConstraints = None
    job = JobSpec(backoffLimit=2, activeDeadlineSeconds=7_200, template=pod)
    return CronJob(
        metadata=ObjectMeta(name=name, labels=labels_of(name, BACKUP)),
        spec=CronJobSpec(
            schedule=NIGHTLY[database],
            timeZone="Etc/UTC",
            concurrencyPolicy="Forbid",
            startingDeadlineSeconds=3_600,
            successfulJobsHistoryLimit=3,
            failedJobsHistoryLimit=3,
            jobTemplate=JobTemplateSpec(spec=job),
        ),
    )


def _claim(name: str, mode: str, size: str, storage_class: str) -> PersistentVolumeClaim:
    return PersistentVolumeClaim(
        metadata=ObjectMeta(name=name, labels=dict(PART_OF)),
        spec=PersistentVolumeClaimSpec(
            accessModes=[mode],
            storageClassName=storage_class or None,
            resources=VolumeResourceRequirements(requests={"storage": size}),
        ),
    )
