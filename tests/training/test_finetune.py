import math
import resource

import msgspec
import numpy as np
import pytest
import torch

from networks import QUICK, collator, encoder, examples
from sentire.errors import OutputError, TrainingFailed
from sentire.training.checkpoint import TrainingProgress, load_checkpoint, save_checkpoint
from sentire.training.encoder import take_layers
from sentire.training.examples import HeadTargets
from sentire.training.finetune import Interrupted, finetune
from sentire.training.losses import hidden_states, masked_cross_entropy, soft_labels, supervised
from sentire.training.schedule import Schedule, make_optimizer, rate


def objective(net, batch):
    return supervised(net(batch.input_ids, batch.attention_mask), batch.targets)


def run(net, folder, schedule=QUICK, **options):
    options = {"objective": objective, "digest": "d", **options}
    finetune(net, examples(), schedule, collate=collator(), folder=folder, **options)


def accuracy(net):
    rows = examples()
    batch = collator()(rows, np.arange(len(rows)), ends=np.zeros(len(rows), bool))
    with torch.no_grad():
        found = net(batch.input_ids, batch.attention_mask)["logits"].argmax(1)
    return float((found == batch.targets["polarity"].gold.argmax(1)).float().mean())


def same_weights(one, two):
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(tensor, two.state_dict()[name], atol=1e-5, rtol=1e-4, msg=name)


def head(gold, allowed, weights=(1.0,)):
    return HeadTargets(torch.tensor([gold]), torch.tensor([allowed]), torch.tensor(weights))


def test_a_two_class_row_says_nothing_about_neutral():
    logits = torch.tensor([[1.0, 5.0, 2.0]], requires_grad=True)
    gold = [0.0, 0.0, 1.0]
    two = masked_cross_entropy(logits, head(gold, [True, False, True]))
    two.backward()
    assert logits.grad[0, 1] == 0
    assert logits.grad[0, 2] < 0
    assert masked_cross_entropy(logits.detach(), head(gold, [True] * 3)) > two


def test_a_row_without_weight_changes_nothing():
    logits = torch.tensor([[1.0, 5.0, 2.0]])
    assert masked_cross_entropy(logits, head([1.0, 0.0, 0.0], [True] * 3, (0.0,))) == 0


def test_a_student_that_answers_like_its_teacher_has_nothing_to_learn():
    logits = torch.tensor([[1.0, 5.0, 2.0], [0.0, 0.0, 3.0]])
    assert soft_labels(logits, logits + 4, temperature=2.0).abs().max() < 1e-6
    assert (soft_labels(logits, -logits, temperature=2.0) > 0.5).all()


def test_padding_is_no_part_of_the_difference_of_layers():
    one, two = torch.zeros(1, 3, 4), torch.zeros(1, 3, 4)
    two[0, 2] = 100.0
    assert hidden_states(one, two, torch.tensor([[1, 1, 0]])) == 0
    assert hidden_states(one, two, torch.tensor([[1, 1, 1]])) > 0


def test_training_learns(tmp_path):
    net = encoder()
    run(net, tmp_path, msgspec.structs.replace(QUICK, epochs=15))
    assert accuracy(net) > 0.9


def test_a_run_stopped_and_resumed_ends_where_an_unbroken_one_does(tmp_path):
    whole, broken, fresh = encoder(), encoder(), encoder()
    run(whole, tmp_path / "a")
    steps = iter([False, False, True])
    with pytest.raises(Interrupted):
        run(broken, tmp_path / "b", stop=lambda: next(steps))
    assert [file.name for file in (tmp_path / "b").iterdir()] == ["checkpoint.safetensors"]
    run(fresh, tmp_path / "b", resume=True)
    same_weights(whole, fresh)


def test_a_resumed_run_that_was_finished_takes_no_step(tmp_path):
    whole, fresh = encoder(), encoder(seed=9)
    run(whole, tmp_path)
    moments = []
    run(fresh, tmp_path, resume=True, observe=moments.append)
    assert moments == []
    same_weights(whole, fresh)


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    run(encoder(), tmp_path)
    with pytest.raises(TrainingFailed, match="other data or settings"):
        run(encoder(), tmp_path, resume=True, digest="another")


def test_the_best_weights_are_kept_and_a_run_without_progress_stops(tmp_path):
    net, scores, seen = encoder(), iter([0.5, 0.9, 0.4, 0.3, 0.2]), []

    def evaluate(model):
        seen.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"mean": next(scores)}

    schedule = msgspec.structs.replace(QUICK, epochs=8, evaluations=1, patience=2)
    run(net, tmp_path, schedule, evaluate=evaluate)
    assert len(seen) == 4
    torch.testing.assert_close(dict(net.state_dict()), seen[1])


def test_a_loss_that_is_not_finite_keeps_the_state_before_it(tmp_path):
    net = encoder()
    n_steps = 0

    def breaks(model, batch):
        nonlocal n_steps
        n_steps += 1
        return objective(model, batch) * (math.nan if n_steps == 3 else 1.0)

    with pytest.raises(TrainingFailed, match="loss became nan at step 3"):
        run(net, tmp_path, objective=breaks)
    progress = load_checkpoint(tmp_path, net, make_optimizer(net, QUICK))
    assert progress.step == 2
    assert all(torch.isfinite(tensor).all() for tensor in net.state_dict().values())


def test_memory_that_is_used_up_is_told_with_the_batch(tmp_path):
    def hungry(_model, batch):
        return torch.empty(2**62 // 8, dtype=torch.float64).sum() + batch.input_ids.sum()

    with pytest.raises(TrainingFailed, match=r"memory is used up by a batch of \d+ x \d+ tokens"):
        run(encoder(), tmp_path, objective=hungry)


def test_a_full_disk_keeps_the_last_whole_checkpoint(tmp_path):
    net = encoder()
    optimizer = make_optimizer(net, QUICK)
    save_checkpoint(tmp_path, net, optimizer, TrainingProgress(step=1))
    whole = (tmp_path / "checkpoint.safetensors").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="last whole one is kept"):
            save_checkpoint(tmp_path, net, optimizer, TrainingProgress(step=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == whole


def test_word_embeddings_stay_and_lower_layers_learn_more_slowly():
    net = encoder()
    optimizer = make_optimizer(net, Schedule(learning_rate=1e-3, layer_decay=0.5))
    assert not net.base.embeddings.word_embeddings.weight.requires_grad
    peaks = {id(p): g["peak"] for g in optimizer.param_groups for p in g["params"]}
    bottom, top = (net.base.encoder.layer[i].output.dense.weight for i in (0, 1))
    assert peaks[id(net.heads["polarity"].weight)] == pytest.approx(1e-3)
    assert peaks[id(top)] == pytest.approx(1e-3)
    assert peaks[id(bottom)] == pytest.approx(5e-4)
    assert peaks[id(net.base.embeddings.position_embeddings.weight)] == pytest.approx(2.5e-4)


def test_the_rate_rises_then_falls():
    shares = [rate(step, 100, warmup=0.1) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert max(shares) == shares[9] == 1.0
    assert shares[-1] == pytest.approx(1 / 90)


def test_layers_are_taken_in_order_and_pieces_with_them():
    net = encoder(n_layers=4)
    taken = take_layers(net.base.state_dict(), layers=[1, 3], pieces=[0, 5])
    assert taken["embeddings.word_embeddings.weight"].shape[0] == 2
    name = "encoder.layer.{}.output.dense.weight"
    torch.testing.assert_close(taken[name.format(1)], net.base.state_dict()[name.format(3)])
    assert not any(key.startswith("encoder.layer.2") for key in taken)


def test_a_run_leaves_no_partial_file(tmp_path):
    run(encoder(), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint.safetensors"]
