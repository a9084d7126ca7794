"""Nearest neighbours among the queries of a task, and labels that agree between neighbours."""

import torch
from torch import Tensor

from innerloop.layers.distances import squared_distances


def neighbour_graph(features: Tensor, real: Tensor, neighbours: int) -> Tensor:
    """1 in row i and column j if j is one of the nearest neighbours of i, else 0; `(n, n)`.

    Arguments:
        features: `(n, d)`.
        real: `(n,)`, 0 for rows that are nobody's neighbour.
        neighbours: how many each row has, fewer if there are not as many real rows.

    Example:
        >>> neighbour_graph(torch.tensor([[0.0], [1.0], [3.0]]), torch.ones(3), neighbours=1)
        tensor([[0., 1., 0.],
                [1., 0., 0.],
                [0., 1., 0.]])
    """
    n = len(features)
    itself = torch.eye(n, dtype=torch.bool, device=features.device)
    clean = torch.where(real[:, None] > 0, features, 0)
    distances = squared_distances(clean, clean)
    distances = torch.where(itself | (real == 0), torch.inf, distances)
    nearest = distances.topk(min(neighbours, n - 1), largest=False)
    graph = torch.zeros_like(distances)
    return graph.scatter(1, nearest.indices, torch.isfinite(nearest.values).to(graph.dtype))


def laplacian_logits(unary: Tensor, graph: Tensor, weight: float, steps: int) -> Tensor:
    r"""Minimises :math:`\sum_i y_i \cdot (\log y_i + a_i) - \frac{\lambda}{2} \sum_{ij} w_{ij}
    y_i \cdot y_j` over the probabilities :math:`y_i` of the rows, by

    .. math:: y_i \leftarrow \mathrm{softmax}(-a_i + \lambda \sum_j w_{ij} y_j).

    The objective never rises if w is symmetric and positive semi-definite, as the step then
    minimises an upper bound of it (Ziko et al. 2020).

    Arguments:
        unary: costs a, `(n, ways)`.
        graph: affinities w, `(n, n)`.
        weight: :math:`\lambda`.
        steps: updates.

    Returns the logits of y, `(n, ways)`.
    """
    logits = -unary
    for _ in range(steps):
        logits = weight * graph @ logits.softmax(1) - unary
    return logits
