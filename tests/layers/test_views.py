"""Views of images: shifts and mirror images that keep the pixels, the same for every image."""

import pytest
import torch
from padding import padded, single
from torch.nn import functional as F

from innerloop.errors import UserError
from innerloop.layers.views import view, with_views
from innerloop.tasks import Examples


def test_a_view_is_a_crop_of_the_images_with_repeated_edges() -> None:
    images = torch.rand(2, 3, 20, 30)
    wide = F.pad(images, (3, 3, 2, 2), mode="replicate")
    crops = [wide[..., i : i + 20, j : j + 30] for i in range(5) for j in range(7)]
    seen = set()
    for number in range(9):
        turned = view(images, number).flip(-1) if number % 2 else view(images, number)
        (place,) = [i for i, crop in enumerate(crops) if torch.equal(crop, turned)]
        assert torch.equal(view(images, number, mirrors=False), turned)
        seen.add(place)
    assert torch.equal(view(images, 0), images)
    assert len(seen) == 9  # all different


def test_a_view_of_many_tasks_side_by_side_is_the_same() -> None:
    images = torch.rand(4, 2, 3, 12, 12)
    assert torch.equal(torch.vmap(lambda x: view(x, 3))(images), view(images, 3))


def test_each_image_comes_once_in_each_view_with_its_label() -> None:
    support = Examples(torch.rand(2, 3, 1, 10, 10), torch.tensor([[0, 1, 2], [2, 1, 0]]))
    images, targets = with_views(support, 4)
    for number in range(4):
        rows = slice(3 * number, 3 * number + 3)
        assert torch.equal(images[:, rows], view(support.inputs, number))
        assert torch.equal(targets[:, rows], support.targets)


def test_padded_rows_stay_padding_in_every_view() -> None:
    support = padded([single(3, 1, 1, (1, 6, 6)), single(2, 2, 1, (1, 6, 6))]).support
    inputs, targets = with_views(support, 3)
    assert torch.equal(inputs.real, targets != -100)
    assert inputs.real.sum() == 3 * support.inputs.real.sum()


def test_other_inputs_are_refused() -> None:
    with pytest.raises(UserError, match="use algorithm.views=1"):
        with_views(Examples(torch.rand(2, 3, 4), torch.zeros(2, 3)), 5)
