"""The README's numbers are those of the files in the repository."""

import csv
import json

import pandas as pd
import pytest
from command import ROOT

from fer_keras.evaluation.comparison import differences_table
from fer_keras.jobs.benchmark_inference import row_cells
from fer_keras.jobs.benchmark_workers import efficiency, scale_table, scale_with
from tuner.frontier import read_ledger
from tuner.frontier_differences import DISTILLATION, HALF
from tuner.frontier_tables import evidence_table, families_table, gains_table, halves_table
from tuner.search_space import defaults, solve_options

README = (ROOT / "README.md").read_text(encoding="utf-8")
WORDS = " ".join(README.split())
"""The same without its line breaks."""

CARDS = {path.parent.name: json.loads(path.read_text()) for path in sorted(ROOT.glob("saved_models/*/card.json"))}


def row_of(first_cell):
    rows = [line for line in README.splitlines() if line.startswith(f"| {first_cell} |")]
    assert len(rows) == 1, f"expected one row {first_cell!r} in the README, found {len(rows)}"
    return [cell.strip() for cell in rows[0].strip("|").split("|")]


def table_called(name):
    before, after = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    assert README.count(before) == README.count(after) == 1, name
    return README[README.index(before) + len(before) : README.index(after)]


def test_models_are_shipped():
    assert {"reference-cnn", "reference-mobilenet"} <= set(CARDS)


@pytest.mark.parametrize("name", CARDS)
def test_results_are_those_of_the_cards(name):
    public, size = CARDS[name]["scores"]["splits"]["public_test"], CARDS[name]["size"]
    low, high = public["all"]["accuracy_interval"]
    file = ROOT / "saved_models" / name / "model.keras"
    assert row_of(name)[1:] == [
        f"{size['parameters']:,}",
        f"{size['multiply_adds'] / 1e6:.1f} M",
        f"{100 * public['all']['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        f"{100 * public['without_copies']['accuracy']:.1f}",
        f"{100 * public['all']['macro_f1']:.1f}",
        "" if CARDS[name]["kind"] == "ensemble" else f"{file.stat().st_size / 1e6:.2f} MB",
    ]


def test_ratios_are_those_of_the_benchmark():
    with (ROOT / "saved_models/measurements/distill_ratios.csv").open() as file:
        for line in csv.DictReader(file):
            noise = f"{float(line['median']):.2f} ({float(line['lowest']):.2f} to {float(line['highest']):.2f})"
            assert row_of(line["ratio"])[1:] == [f"{float(line['fastest']):.2f}", noise, line["goal"]]


def test_what_an_answer_costs_is_what_was_measured():
    measured = pd.read_csv(ROOT / "saved_models/measurements/inference.csv")
    for row in measured.to_dict("records"):
        name, *cells = row_cells(row)
        assert row_of(name)[1:] == cells
    in_litert = measured[measured["format"] == "litert_float32"].set_index("model")
    share = in_litert["milliseconds"] / in_litert.loc["fer", "milliseconds"]
    ours = ("separable-93k", "separable-88k", "separable-25k")
    ahead = 100 * (in_litert["accuracy"] - in_litert.loc["fer", "accuracy"])
    large, flagship = (f"{ahead[name]:.1f} points better {{}}in {share[name]:.2f}" for name in ours[:2])
    assert f"In LiteRT float32 `separable-93k` is {large.format('than `fer` ')} of its time" in WORDS
    assert (
        f"`separable-88k` {flagship.format('')}, and `separable-25k` level with it in {share[ours[2]]:.2f} and" in WORDS
    )
    again = pd.read_csv(ROOT / "saved_models/frontier/known_milliseconds.csv").set_index("name")["milliseconds"]
    told = [f"{again[name] / again['mini_XCEPTION']:.2f}" for name in ours]
    assert f"for the frontier's figure, these were {told[0]}, {told[1]} and {told[2]};" in WORDS
    of_64 = "images_per_cpu_second_batch_64"
    in_8_bits = measured[measured["format"] == "litert_int8"].set_index("model").drop("fer")
    gained = in_litert.drop("fer")["milliseconds"] > in_8_bits["milliseconds"]
    assert set(gained[gained].index) == {"separable-93k", "residual-10"}, "8 bits are faster at batch 1 for these only"
    assert (in_8_bits[of_64] > in_litert.drop("fer")[of_64]).all(), "at batch 64 for all"
    assert share["separable-88k"] < 1, "the flagship is faster than mini_XCEPTION"


def test_the_audit_is_that_of_the_file():
    audit = json.loads((ROOT / "saved_models/measurements/data_audit.json").read_text())
    train, public = audit["splits"]
    assert row_of("images")[1:] == [f"{train['images']:,}", f"{public['images']:,}"]
    assert row_of("constant (all black) images")[1:] == [str(train["constant"]), str(public["constant"])]
    surplus = [f"{split['surplus_copies_not_constant']:,}" for split in (train, public)]
    assert row_of("surplus exact copies within the split, constant images left out")[1:] == surplus
    share = f"{public['copies_of_train']} ({public['copies_of_train'] / public['images']:.1%})"
    assert row_of("images with an exact copy in the training split")[2] == share
    assert f"{audit['conflict_groups']} groups of identical images" in README
    assert f"({audit['conflict_images']} images)" in README


def test_what_a_temperature_is_worth_is_what_the_files_say():
    files = [json.loads(path.read_text()) for path in ROOT.glob("saved_models/*/calibration.json")]
    tested = [file["tested_on"]["public_test"] for file in files]
    nll = [after - before for before, after in (split["nll"] for split in tested)]
    errors = [split["calibration_error"] for split in tested]
    told = f"of the {len(files)} shipped ones by {min(nll):.3f} to +{max(nll):.3f}, and the calibration error of"
    worse = sum(after > before for before, after in errors)
    assert f"{told} {worse} of them grows, to {max(after for _, after in errors):.0%} at most" in WORDS


def test_the_reference_pair_differs_in_nothing_but_the_network():
    cnn, mobilenet = (CARDS[name]["recipe"] for name in ("reference-cnn", "reference-mobilenet"))
    assert cnn["teachers"] == mobilenet["teachers"] and cnn["epochs"] == mobilenet["epochs"] == 100
    left_out = {"model": None, "cache_precision": None, "start_from": ""}
    told = [{**recipe["config"], **left_out} for recipe in (cnn, mobilenet)]
    for one in told:
        one["fit"] = {**one["fit"], "precision": None}
    assert told[0] == told[1]
    accuracies = [f"{100 * accuracy_of(name):.1f}" for name in ("reference-cnn", "reference-mobilenet")]
    assert f"{accuracies[0]}, the report's number for its CNN, and {accuracies[1]}" in WORDS


def accuracy_of(name, split="public_test"):
    return CARDS[name]["scores"]["splits"][split]["all"]["accuracy"]


def test_the_pairs_of_seeds_have_the_means_of_their_cards():
    means = {}
    for name in ("mobilenet-93k", "separable-25k"):
        pair = (name, f"{name}-second")
        best, second = (accuracy_of(seed, "val") for seed in pair)
        assert best > second, "the seed that validates better has the plain name"
        assert [CARDS[seed]["recipe"]["epochs"] for seed in pair] == [250, 250]
        means[name] = f"{50 * sum(map(accuracy_of, pair)):.2f}"
    mobilenet, separable = means.values()
    above = f"{float(mobilenet) - 66.34:.2f}"
    assert f"network has {mobilenet} on average, {above} above the report's 66.34" in WORDS
    assert f"`separable-25k`, with a quarter of its parameters, has {separable}." in WORDS


def test_the_smaller_students_learned_from_the_flagships():
    flagships = [CARDS[name]["fingerprint"] for name in ("separable-93k", "separable-88k", "separable-88k-second")]
    for name in ("mobilenet-93k", "separable-25k"):
        for seed in (name, f"{name}-second"):
            assert CARDS[seed]["recipe"]["config"]["teachers"] == flagships
    assert "from `separable-93k` and both `separable-88k`" in WORDS


def test_what_the_logits_of_the_flagships_cost_is_what_the_cards_say():
    def cost(*names):
        return sum(CARDS[name]["size"]["multiply_adds"] for name in names)

    of_four = cost("residual-16", "residual-16-second", "residual-16-labels", "residual-10")
    share = of_four / cost("separable-93k", "separable-88k", "separable-88k-second")
    assert round(share) == 24 and "logits cost a twenty-fourth of the four teachers' multiply-adds" in WORDS


def test_what_helped_is_what_the_ablation_says():
    summary = pd.read_csv(ROOT / "saved_models/measurements/ablation_summary.csv")
    assert table_called("ablation") == differences_table(summary).strip()
    assert f"Of {len(summary) - 1} such comparisons" in README, "all arms but the baseline"


def test_the_flagship_is_the_seed_that_validates_better():
    best = [CARDS[name]["recipe"]["best_validation_accuracy"] for name in ("separable-88k", "separable-88k-second")]
    images = CARDS["separable-88k"]["scores"]["splits"]["val"]["all"]["count"]
    assert round((best[0] - best[1]) * images) == 1 and "validates better, by one image;" in WORDS


def test_which_family_wins_is_what_the_frontier_says():
    differences = pd.read_csv(ROOT / "saved_models/frontier/differences.csv")
    assert table_called("families") == families_table(differences, "public_test").strip()
    assert table_called("halves") == halves_table(differences, "public_test").strip()
    distilled = differences[differences["question"] == "families, distilled"]
    ahead = distilled[distilled["family"] != "cnn"]
    assert (ahead["public_test_low"] > 0).equals(ahead["budget"] <= 50_000), "told apart up to 50,000, and not beyond"
    alone = differences[(differences["question"] == "families, labels alone") & (differences["family"] != "cnn")]
    assert set(alone["budget"]) == {5_000, 25_000, 100_000} and (alone["seeds"] == 2).all()
    assert (alone["public_test_low"] > 0).equals(alone["budget"] <= 50_000), "On labels alone it is the same"
    halves = differences[differences["question"] == HALF]
    assert (halves["public_test_difference"] > 0).all(), "a higher mean everywhere"
    assert (halves["public_test_low"] < 0).all(), "no interval leaves out 0"
    of = distilled.pivot(index="budget", columns="family", values="public_test")
    assert ((of["separable"] - of["mobilenet"]).abs() < 0.01).all(), "within a point of each other"


def test_what_distillation_gains_is_what_the_frontier_says():
    differences = pd.read_csv(ROOT / "saved_models/frontier/differences.csv")
    assert table_called("gains") == gains_table(differences, "public_test").strip()
    gains = differences[differences["question"] == DISTILLATION]
    assert len(gains) == 9 and (gains["public_test_low"] > 0).all(), "no interval reaches 0"
    least, most = (100 * end for end in (gains["public_test_difference"].min(), gains["public_test_difference"].max()))
    assert f"It gains {least:.1f} to {most:.1f} points in every family and at every size" in WORDS
    # "do not tell": the intervals of the smallest and of the largest overlap in each family.
    of = gains.pivot(index="family", columns="budget")
    assert (of["public_test_low"].max(axis=1) < of["public_test_high"].min(axis=1)).all()


def test_why_it_wins_is_what_the_frontier_says():
    evidence = pd.read_csv(ROOT / "saved_models/frontier/evidence.csv")
    assert table_called("evidence") == evidence_table(evidence).strip()
    of = evidence.pivot(index="budget", columns="family")
    cnn, separable = (of.xs(family, axis=1, level="family") for family in ("cnn", "separable"))
    least = cnn.loc[:10_000]
    assert (separable.loc[:10_000, "mean_width"] > 2 * least["mean_width"]).all()
    assert set(least["layers"]) == {6} and set(separable["layers"]) == {9}
    assert set(least["receptive_field"]) == {70} and set(separable["receptive_field"]) == {59}
    dense = [f"{share:.0%}" for share in cnn.loc[[25_000, 50_000], "dense_share"]]
    assert f"has {' and '.join(dense)} of its parameters in dense layers" in WORDS
    fields = cnn.loc[25_000:, "receptive_field"]
    assert f"above it sees less, {fields.min()} to {fields.max()}." in WORDS
    assert (cnn.loc[25_000:, "receptive_field"] < separable.loc[25_000:, "receptive_field"]).all()
    often = separable["multiply_adds_per_parameter"] / cnn["multiply_adds_per_parameter"]
    assert f"{often.loc[:50_000].min():.1f} to {often.loc[:50_000].max():.1f} times as often up to 50,000" in WORDS
    assert often.loc[100_000] == pytest.approx(1, abs=0.05), "all use them equally often"
    train, val = (100 * (separable[name] - cnn[name]) for name in ("train_accuracy", "val_accuracy"))
    small = [gap.loc[:50_000] for gap in (train, val)]
    assert f"by {small[0].min():.1f} to {small[0].max():.1f} points on the views that it learns from" in WORDS
    told = f"by {small[1].min():.1f} to {small[1].max():.1f} in validation ({train.loc[100_000]:.1f} and"
    assert f"{told} {val.loc[100_000]:.1f} at 100,000)" in WORDS


def test_dense_layers_were_no_worse_in_the_short_trials():
    ledger = read_ledger(ROOT / "saved_models/frontier")
    short = ledger[(ledger["stage"] == "search") & (ledger["family"] == "cnn")]
    dense = short["options"].map(lambda options: bool(json.loads(options)["dense_widths"]))
    told = []
    for budget in (25_000, 50_000):
        of = short["budget"] == budget
        best = [short.loc[of & which, "val_accuracy"].max() for which in (dense, ~dense)]
        told.append(f"{100 * (best[0] - best[1]):.1f}")
    assert f"ahead of the one without by {told[0]} and {told[1]} points" in WORDS


def test_how_far_apart_the_engines_of_the_ablation_are():
    runs = pd.read_csv(ROOT / "saved_models/measurements/ablation.csv").set_index(["arm", "seed"])
    told = []
    for split in ("val_accuracy", "public_test_accuracy"):
        apart = 100 * (runs[split].xs(0, level="seed") - runs[split].xs(1, level="seed"))
        apart = apart.drop(["assistant", "mixup, 8 views"])
        told += [f"{apart.mean():.1f}", f"{apart.std() / len(apart) ** 0.5:.1f}"]
    assert f"in the {len(apart)} other arms seed 0 validated {told[0]} points better than seed 1" in WORDS
    assert f"(standard error {told[1]}; on PublicTest {told[2]} points, standard error {told[3]})" in WORDS


def test_what_is_fast_is_what_the_frontier_says():
    points = pd.read_csv(ROOT / "saved_models/frontier/frontier.csv").set_index(["family", "budget"])
    cnn, others = points.loc[("cnn", 25_000)], points.loc[[("separable", 10_000), ("mobilenet", 10_000)]]
    assert ((others["milliseconds"] / cnn["milliseconds"] - 1).abs() < 0.1).all(), "about as long"
    for accuracy in ("val_accuracy", "public_test_accuracy"):
        assert ((others[accuracy] - cnn[accuracy]).abs() < 0.015).all(), "about as good"


def test_how_a_search_grows_is_what_was_measured():
    folder = ROOT / "saved_models/measurements"
    measured, chief = pd.read_csv(folder / "workers.csv"), pd.read_csv(folder / "workers_chief.csv")
    rates = measured.groupby("workers")["trials_per_hour"].median()
    assert f"medians of {measured['round'].max()} rounds" in WORDS
    assert f"one worker did {rates[1]:.1f} trials an hour and two did {rates[2]:.1f}" in WORDS
    both = measured.pivot(index="round", columns="workers", values="trials_per_hour")
    shares = both[2] / (2 * both[1])
    told = f"each does {efficiency(measured):.0%} of what one does alone ({shares.min():.0%} to {shares.max():.0%}"
    assert told in WORDS
    scaled = pd.read_csv(folder / "workers_scaled.csv")
    assert table_called("workers") == scale_table(scaled).strip()
    # It is computed from what is published: the ledger, and the two measures.
    ledger = read_ledger(ROOT / "saved_models/frontier")
    pd.testing.assert_frame_equal(scale_with(ledger, measured, chief), scaled)
    larger = chief[chief["repeat"] > 1]
    random = larger["trial"] < larger["trial"].nunique() // 3
    proposed = larger[~random].groupby("family")["seconds"].mean()
    told = (
        f"{larger.loc[random, 'seconds'].mean():.2f} s of the chief, a proposed one {proposed['separable']:.1f} s, of"
    )
    assert f"a random trial takes {told} the general CNN {proposed['cnn']:.1f} s" in WORDS


def test_how_often_the_defaults_won_the_search_is_what_its_ledger_says():
    ledger = read_ledger(ROOT / "saved_models/frontier")
    most = json.loads((ROOT / "saved_models/frontier/search.json").read_text())["max_multiply_adds"]
    best = ledger[(ledger["stage"] == "final") & (ledger["seed"] == 0)]
    of_defaults = {
        row.trial: solve_options(row.family, row.budget, defaults(row.family), most) for row in best.itertuples()
    }
    won = sum(json.loads(row.options) == json.loads(json.dumps(of_defaults[row.trial])) for row in best.itertuples())
    assert f"in {won} of {len(best)} cells the family's defaults" in WORDS
