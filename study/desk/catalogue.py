"""The catalogue as the desk has it: with the studies that show each thing; taking things out of it.

What a study shows cannot be taken out, whatever state the study is in: its figures are defended
by what they were made from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from benchmarks import catalogue as files
from benchmarks import datasets, methods, own_methods, own_names, own_sets
from benchmarks.files import file_hash
from benchmarks.records import checksum
from study.analysis import layout
from study.models import Dataset, Deed, Measure, Method, SourceImage, Stimulus, Study
from study.models.deeds import By, by_command, note


def everything(*, look: bool = True, anew: bool = True) -> files.Catalogue:
    """`benchmarks.catalogue.catalogue` of this site, with ``studies`` beside sets and methods.

    Every output is read again, unless ``anew`` is false: then those alone that look other than the
    last time this process read them, which will do for a page. Measures that came in as figures
    from elsewhere follow those that are computed here.
    """
    found = files.catalogue(
        benchmarks_dir=settings.BENCHMARKS_DIR,
        methods_dir=settings.METHODS_DIR,
        outputs_dir=settings.OUTPUTS_DIR,
        look=look,
        checksum=checksum if anew else file_hash,
    )
    for row in found["sets"]:
        row["studies"] = _slugs(Q(source__dataset__name__in=_at_any_scale(row["name"])))
    for row in found["methods"]:
        row["studies"] = _slugs(Q(method__name=row["name"]))
    computed = {row["name"] for row in found["measures"]}
    for measure in Measure.objects.exclude(name__in=computed):
        found["measures"].append(
            {
                "name": measure.name,
                "title": measure.title,
                "better": "higher" if measure.higher_is_better else "lower",
                "needs_reference": None,
                "version": None,
            }
        )
    return found


def _slugs(shown: Q) -> list[str]:
    """The studies that show such stimuli, or calibrate with them, by name."""
    stimuli = Stimulus.objects.filter(shown)
    studies = Study.objects.filter(
        Q(studystimulus__stimulus__in=stimuli) | Q(anchors__stimulus__in=stimuli)
    )
    return sorted(set(studies.values_list("slug", flat=True)))


def tell_set(name: str, *, title: str, license: str, by: By) -> None:
    """Tell otherwise of a set of somebody's own. Written into the log.

    Raises ``ValueError`` for what cannot be told, and for another title than that which tables of a
    study have it by.
    """
    title = title or name
    folder, every = Path(settings.BENCHMARKS_DIR), _at_any_scale(name)
    if title != datasets.manifest(name, folder).title:
        _refuse_retitled(f"the set {name}", Q(source__dataset__name__in=every))
    before = own_sets.tell(name, folder, title=title, license=license)
    with transaction.atomic():
        for row in Dataset.objects.filter(name__in=every):
            row.title = datasets.manifest(row.name, folder).title
            row.save(update_fields=["title"])
        _note_told("set", before, by, title=title, license=license)


def tell_method(name: str, *, title: str, license: str, source: str, by: By) -> None:
    """Tell otherwise of a method of somebody's own. Written into the log.

    Raises ``ValueError`` as `tell_set`.
    """
    folder = Path(settings.METHODS_DIR)
    if title != methods.chosen([name], folder)[0].title:
        _refuse_retitled(f"the method {name}", Q(method__name=name))
    told = {"title": title, "license": license, "source": source}
    before = own_names.tell(name, folder, **told)
    with transaction.atomic():
        Method.objects.filter(name=name).update(title=title)
        _note_told("method", before, by, **told)


def _note_told(of: str, before: Any, by: By, **told: str) -> None:
    changed: dict[str, Any] = {
        what: [was, text] for what, text in told.items() if (was := getattr(before, what)) != text
    }
    if changed:
        note(Deed.Kind.CHANGED, by=by, of=of, name=before.name, **changed)


def _refuse_retitled(what: str, shown: Q) -> None:
    drafts = Study.objects.filter(state=Study.State.DRAFT).values_list("slug", flat=True)
    if opened := sorted({*_slugs(shown)} - {*drafts}):
        raise ValueError(
            f"{what} keeps its title: the tables of {', '.join(opened)} have it by that"
        )


def remove_set(name: str, *, by: By | None = None) -> str:
    """Take a set of somebody's own out, with all outputs over it at any scale; returns what was
    done.

    Written into the log, ``by`` whom; whoever runs the command, if not given. Raises ``ValueError``
    for a set that is shipped, is not there, or is shown in a study.
    """
    every = _at_any_scale(name)
    shown = Q(source__dataset__name__in=every)
    _refuse_shown(f"the set {name}", shown)
    own_sets.remove(name, folder=settings.BENCHMARKS_DIR, outputs_dir=settings.OUTPUTS_DIR)
    without = dict.fromkeys(
        method for each in every for method in own_methods.forget(each, folder=settings.METHODS_DIR)
    )
    with transaction.atomic():
        _forget(
            shown,
            SourceImage.objects.filter(dataset__name__in=every),
            Dataset.objects.filter(name__in=every),
        )
        note(Deed.Kind.REMOVED, by=by or by_command(), of="set", name=name)
    of = f", and those that {', '.join(without)} had brought" if without else ""
    return f"the set {name} is gone, with the outputs over it{of}"


def _at_any_scale(name: str) -> list[str]:
    return [name, *datasets.at_other_scales(name, settings.BENCHMARKS_DIR)]


def remove_method(name: str, *, by: By | None = None) -> str:
    """Take a method of somebody's own out, with its outputs; returns what was done.

    Written into the log, ``by`` whom; whoever runs the command, if not given. Raises ``ValueError``
    for a method that is built in, is not there, or is shown in a study.
    """
    shown = Q(method__name=name)
    _refuse_shown(f"the method {name}", shown)
    own_methods.remove(name, folder=settings.METHODS_DIR, outputs_dir=settings.OUTPUTS_DIR)
    with transaction.atomic():
        _forget(shown, Method.objects.filter(name=name))
        note(Deed.Kind.REMOVED, by=by or by_command(), of="method", name=name)
    return f"the method {name} is gone, with its outputs"


def _refuse_shown(what: str, stimuli: Q) -> None:
    if shown := _slugs(stimuli):
        raise ValueError(
            f"{what} is shown in {', '.join(shown)} and stays; a draft can be deleted in the "
            "admin, a study that was opened keeps what it showed"
        )


def _forget(stimuli: Q, *beside: QuerySet[Any]) -> None:
    """Delete rows that no study shows: another thing of the name is not to be taken for this."""
    if _slugs(stimuli):  # of a study that was made meanwhile
        return
    Stimulus.objects.filter(stimuli).delete()
    for rows in beside:
        rows.delete()


def as_text(found: files.Catalogue) -> str:
    """The catalogue for a terminal: four tables."""
    sets = [
        [
            row["name"], row["title"], f"{row['there']} of {row['images']}", f"x{row['scale']}",
            "yes" if row["references"] else "no", row["lr"], row["license"] or "-",
            ", ".join(row["studies"]) or "-",
        ]
        for row in found["sets"]
    ]  # fmt: skip
    method_rows = [
        [
            row["name"], row["title"], row["kind"], f"x{row['scale']}" if row["scale"] else "any",
            "any" if row["sets"] is None else ", ".join(row["sets"]) or "-",
            row["license"] or "-", row["source"] or "-", ", ".join(row["studies"]) or "-",
        ]
        for row in found["methods"]
    ]  # fmt: skip
    measures = [
        [
            row["name"], row["title"], row["better"],
            {True: "yes", False: "no", None: "unknown"}[row["needs_reference"]],
            "brought in" if row["version"] is None else str(row["version"]),
        ]
        for row in found["measures"]
    ]  # fmt: skip
    blocks = [
        _block(
            "Sets",
            ["Set", "Title", "Images there", "Scale", "Originals", "LR", "Licence", "Studies"],
            sets, (0, 1, 6, 7),
        ),
        _block(
            "Methods", ["Method", "Title", "Kind", "Scale", "Sets", "Licence", "From", "Studies"],
            method_rows, (0, 1, 2, 4, 5, 6, 7),
        ),
        _outputs(found),
        _block(
            "Measures", ["Measure", "Title", "Better", "Needs original", "Version"],
            measures, (0, 1, 2),
        ),
    ]  # fmt: skip
    lacks = [f"{row['name']}: {row['lacks']}" for row in found["methods"] if row["lacks"]]
    lacks += [
        f"{row['method']} on {row['set']}: {row['lacks']}"
        for row in found["outputs"]
        if row["lacks"]
    ]
    return "\n\n".join([*filter(None, blocks), *lacks])


def _block(title: str, heads: list[str], rows: list[list[str]], left: tuple[int, ...]) -> str:
    return f"{title}\n{layout.aligned(heads, rows, left)}" if rows else ""


def _outputs(found: files.Catalogue) -> str:
    """Outputs made of those that there can be: a row a set, a column a method."""
    rows = [row for row in found["outputs"] if not row["lacks"]]
    sets = list(dict.fromkeys(row["set"] for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    cells = {
        (row["set"], row["method"]): f"{row['made']}/{row['images']}"
        + ("" if row["measured"].get("psnr", row["made"]) == row["made"] else " unmeasured")
        for row in rows
    }
    table = [[method, *(cells.get((name, method), "-") for name in sets)] for method in methods]
    return _block("Outputs made", ["Method", *sets], table, (0,))
