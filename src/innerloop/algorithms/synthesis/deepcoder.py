"""DeepCoder: a search for a program, guided by a network that reads the examples."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.algorithms.in_context.cnp import Summary
from innerloop.algorithms.in_context.sequence_process import SequenceProcess
from innerloop.errors import UserError
from innerloop.languages.enumeration import Found
from innerloop.languages.token_rows import TokenRows
from innerloop.layers.targets import real_rows
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class Synthesised(NamedTuple):
    """What a task is adapted to."""

    summary: Summary  #: of its examples
    found: Found  #: the program


class DeepCoder(Algorithm):
    r"""Searches for the cheapest program that fits the support, and runs it on the queries.

    .. math:: \hat y = P(x), \qquad P = \arg\min_{P(x_i) = y_i} \sum_{s \in P} c_s, \qquad
        c_s = -\log \frac{\sigma(w_s^\top r)}{\sum_t \sigma(w_t^\top r)}

    The network of `SequenceProcess` reads the examples into r, which tells how probable each
    function s is; the sum is over the functions :math:`t` of its type. The meta-loss is the binary
    cross-entropy of the functions that the task's program has. With `guess`, the network also
    learns to answer queries, and does so in tasks without a program.

    Arguments:
        language: of the programs; None for no search, so that the network answers alone.
        programs: to be run in a search, at most.
        seconds: of a search, at most; None for no limit.
        guess: whether the network answers where no program was found.
        places, width, depth, heads: of the network, see `SequenceProcess`.

    Shapes: features are the tokens, `(n, places * d)`, and outputs `(queries, places * d)`. In
        training, targets of queries have 0 or 1 for each function after the tokens.

    Raises:
        UserError: if there is neither a language nor a guess, or the language's lists do not have
            the objective's width.

    Deviations: the paper's network is a multilayer perceptron. Its search is depth-first in the
    order of the probabilities; this one is bottom-up, in the order of costs, and keeps one program
    of each value, as later work does. The paper predicts functions alone, here also constants.

    References:
        Balog, Gaunt, Brockschmidt, Nowozin and Tarlow, "DeepCoder: learning to write programs",
        2017. Odena, Shi, Bieber, Singh, Sutton and Dai, "BUSTLE: bottom-up program synthesis
        through learning-guided exploration", 2021.

    Example:
        >>> from innerloop.languages.list_tokens import ListTokens
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives.exact_match import ExactMatch
        >>> tokens, model = ListTokens(length=3), Network(Identity([102]), outputs=1)
        >>> learner = DeepCoder(model, ExactMatch(3, 34), tokens, places=3)
        >>> support = Examples(tokens.rows([[1, 2], [5, 3, 4]]), tokens.rows([[2, 1], [4, 3, 5]]))
        >>> (adapted,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> adapted.found.term
        ('reverse', 'x')
    """

    adapts_by_steps = False
    uses_head = False
    one_by_one = "a search takes its own time for each task"

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        language: TokenRows | None = None,
        programs: int = 5000,
        seconds: float | None = None,
        guess: bool = True,
        places: int = 1,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
    ) -> None:
        super().__init__(model, objective)
        if language is None and not guess:
            raise UserError("algorithm.guess=false: without a language there is no other answer.")
        if language is not None and language.width != objective.width:
            raise UserError(
                f"algorithm.language.length={language.length} does not fit outputs of "
                f"{objective.width} numbers: give it the length of the data set's lists."
            )
        self.network = SequenceProcess(
            self.model, objective, places=places, width=width, depth=depth, heads=heads
        )
        # One module under two names would lose its weights in `functional_call` (torch 2.15).
        del self.network.model
        vars(self.network)["model"] = self.model
        self.language, self.programs, self.seconds = language, programs, seconds
        self.guess = guess
        symbols = len(language.symbols) if language else 0
        self.guide = nn.Linear(2 * places * width, symbols) if language else None

    def embed(self, tasks: Task) -> Task:
        return self.network.embed(tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        (summary,) = self.network.adapt(support, steps, progress)
        yield Synthesised(summary, self.search(support, summary))

    def search(self, support: Examples, summary: Summary) -> Found:
        """The program of a task, if there is one within the limits."""
        if self.language is None or self.guide is None:
            return Found(None, 0, 0.0)
        real = real_rows(support)
        return self.language.search(
            task_tools.values(support.inputs)[real],
            task_tools.values(support.targets)[real],
            weights=self.guide(summary.mean).sigmoid(),
            programs=self.programs,
            seconds=self.seconds,
        )

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        if self.language and adapted.found.term is not None:
            return self.language.run(adapted.found.term, task_tools.values(inputs))
        outputs = self.network.predict(adapted.summary, inputs)
        return outputs if self.guess else torch.zeros_like(outputs)

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        if self.guide is None:
            return self.network.meta_loss(task, progress)
        (summary,) = self.network.adapt(task.support, 0, progress)
        targets, functions = task.query.targets.tensor_split([self.objective.width], 1)
        loss = F.binary_cross_entropy_with_logits(self.guide(summary.mean), functions[0])
        if self.guess:
            query = Examples(task.query.inputs, targets)
            loss = loss + self.network.meta_loss(Task(task.support, query), progress)
        return loss

    def measures(self, adapted: Adapted) -> dict[str, Tensor]:
        if self.language is None:
            return {}
        found = adapted.found
        solved = float(found.term is not None)
        values = {"program_found": solved, "programs_run": found.tried, "seconds": found.seconds}
        device = adapted.summary.mean.device
        return {name: torch.tensor(float(value), device=device) for name, value in values.items()}
