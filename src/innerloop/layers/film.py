"""Feature-wise linear modulation: a vector scales and shifts what layers put out (Perez et al.,
"FiLM: visual reasoning with a general conditioning layer", 2018)."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.layers.norm import TaskNorm

NORMS = (TaskNorm, nn.GroupNorm, nn.LayerNorm)


class FiLM(nn.Module):
    r"""Weights of chosen layers as functions of a vector :math:`c`.

    * Linear layers: :math:`b \leftarrow b + U c`, as if :math:`c` were appended to their inputs.
    * Normalisation: :math:`\gamma \leftarrow (1 + G c) \gamma` and
      :math:`\beta \leftarrow (1 + G c) \beta + U c`, which scales and shifts their outputs.

    At :math:`c = 0` nothing changes. Convolutions take no part: choose the normalisation behind
    them. Nor do layers whose bias, or scale, is frozen.

    Arguments:
        model: whose layers are modulated.
        patterns: of the names of the layers, such as `body.blocks.2.norm`.
        size: numbers in :math:`c`.

    Raises:
        UserError: if no layer that fits has such a name.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 3))
        >>> film = FiLM(model, ["*"], size=5)
        >>> changed = film(dict(model.named_parameters()), torch.zeros(5))
        >>> list(changed), torch.equal(changed["0.bias"], model[0].bias)
        (['0.bias'], True)
    """

    def __init__(self, model: nn.Module, patterns: Sequence[str], size: int) -> None:
        super().__init__()
        layers = {name: m for name, m in model.named_modules() if _fits(m, name, patterns)}
        if not layers or size < 1:
            names = [name for name, layer in model.named_modules() if _fits(layer, name, ["*"])]
            raise UserError(
                f"algorithm.layers=[{', '.join(patterns)}] with algorithm.context={size}: give 1 "
                "or more numbers, and patterns of the names of linear layers or normalisations "
                f"with a bias to train, such as {', '.join(names[:8]) or '(there are none)'}."
            )
        norms = {name for name, layer in layers.items() if isinstance(layer, NORMS)}
        self.shifts = _generators(layers, size)
        self.scales = _generators({k: m for k, m in layers.items() if k in norms}, size)

    def forward(self, parameters: dict[str, Tensor], vector: Tensor) -> dict[str, Tensor]:
        """The modulated parameters alone, by name.

        Arguments:
            parameters: of the model, by name.
            vector: :math:`c`, `(size,)`.
        """
        changed: dict[str, Tensor] = {}
        for key, shift in self.shifts.items():
            layer = key.replace("/", ".")
            weight, bias = parameters[f"{layer}.weight"], parameters[f"{layer}.bias"]
            if key in self.scales:
                scale = 1 + self.scales[key](vector).view_as(weight)
                changed[f"{layer}.weight"], bias = scale * weight, scale * bias
            changed[f"{layer}.bias"] = bias + shift(vector).view_as(bias)
        return changed

    @property
    def changes(self) -> tuple[str, ...]:
        """The names of the parameters that it changes."""
        names = [f"{k}.bias" for k in self.shifts] + [f"{k}.weight" for k in self.scales]
        return tuple(name.replace("/", ".") for name in names)


def _fits(layer: nn.Module, name: str, patterns: Sequence[str]) -> bool:
    if not isinstance(layer, (nn.Linear, *NORMS)) or layer.bias is None:
        return False
    moves = layer.bias.requires_grad and (layer.weight.requires_grad or type(layer) is nn.Linear)
    return moves and any(fnmatchcase(name, pattern) for pattern in patterns)


def _generators(layers: Mapping[str, nn.Module], size: int) -> nn.ModuleDict:
    def generator(bias: Tensor) -> nn.Linear:
        return nn.Linear(size, bias.numel(), bias=False, device=bias.device, dtype=bias.dtype)

    # A ModuleDict allows no dots in names.
    return nn.ModuleDict(
        {k.replace(".", "/"): generator(m.get_parameter("bias")) for k, m in layers.items()}
    )
