"""Nearest centroid of raw inputs, against a plain loop."""

import torch

from innerloop.data.centroid import cosine_centroid, nearest_centroid
from innerloop.tasks import Examples, Task


def test_each_query_gets_the_class_with_the_closest_mean() -> None:
    support, query = torch.randn(7, 2, 3, 3), torch.randn(9, 2, 3, 3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    outputs = nearest_centroid(Task(Examples(support, labels), Examples(query, torch.zeros(9))))
    for row, image in zip(outputs, query, strict=True):
        means = [torch.stack([s for s, y in zip(support, labels, strict=True) if y == c]).mean(0)
                 for c in range(3)]  # fmt: skip
        expected = [-((image - mean) ** 2).sum() for mean in means]
        torch.testing.assert_close(row.float(), torch.stack(expected))


def test_a_class_without_support_is_never_chosen() -> None:
    support = Examples(torch.randn(3, 4), torch.tensor([0, 2, 2]))
    outputs = nearest_centroid(Task(support, Examples(torch.randn(5, 4), torch.zeros(5))))
    assert (outputs[:, 1] == -torch.inf).all()


def test_cosines_do_not_depend_on_the_lengths_of_features() -> None:
    support, query = torch.randn(6, 5), torch.randn(4, 5)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    outputs = cosine_centroid(Task(Examples(support, labels), Examples(query, torch.zeros(4))))
    longer = Task(
        Examples(support * torch.rand(6, 1).add(0.1), labels),
        Examples(query * torch.rand(4, 1).add(0.1), torch.zeros(4)),
    )
    torch.testing.assert_close(cosine_centroid(longer), outputs)
    for row, features in zip(outputs, query, strict=True):
        units = support / support.norm(dim=1, keepdim=True)
        directions = units.reshape(3, 2, 5).sum(1)
        expected = torch.stack([torch.cosine_similarity(features, d, dim=0) for d in directions])
        torch.testing.assert_close(row.float(), expected)
