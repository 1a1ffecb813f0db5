r"""Natural gradient descent: the step, its coordinates, one logistic neuron, both ends of its training, mirror descent.

*Source*: Sun and Nielsen (2016), eqs. 7, 8, 28-30 and section 6; the rates are our own.
*Lands on*: `sun2016.eq7`, `sun2016.eq8`, `sun2016.eqs28_30`, `fimtheory.natural.local_rates`,
`fimtheory.natural.separable`, `sun2016.sec6_mirror`.
*Departs from the text*: the printed divergence has the slope of F at Theta for that at Theta', which makes it negative;
the linear term of mirror descent is that of the objective. Where no minimum exists, the text compares final losses; here
is what they measure.
*Assumptions*: identities in two dimensions; rates near a minimum are those of the linearised step, rates on separable
classes those after many epochs.
"""

from __future__ import annotations

import sympy as sp
from _steps import Account, identical

gamma, epsilon, mu, h = sp.symbols("gamma epsilon mu h", positive=True)
slope = sp.Matrix(sp.symbols("l_1 l_2", real=True))
delta = sp.Matrix(sp.symbols("delta_1 delta_2", real=True))
g11, g12, g22 = sp.symbols("g_11 g_12 g_22", positive=True)
g = sp.Matrix([[g11, g12], [g12, g22]])
IN_TWO = "in two dimensions"


def natural(metric: sp.Matrix, gradient: sp.Matrix) -> sp.Matrix:
    """g^(-1) grad L."""
    return metric.inv() * gradient


def step(account: Account) -> None:
    """Eq. 7: a linear loss and a quadratic cost."""
    account.define(
        r"The loss to first order in $\delta$, and the cost of $\delta$ in the metric.",
        r"Q(\delta) = \delta^\top \nabla L + \frac{1}{2 \gamma} \delta^\top g\, \delta",
    )
    model = (delta.T * slope)[0] + (delta.T * g * delta)[0] / (2 * gamma)
    rest = delta + gamma * natural(g, slope)
    square = (rest.T * g * rest)[0] / (2 * gamma) - gamma * (slope.T * natural(g, slope))[0] / 2
    account.move(
        r"It is a square and a constant, so that its minimum is at $\delta = -\gamma\, g^{-1} \nabla L$.",
        r"Q(\delta) = \frac{1}{2 \gamma} \left(\delta + \gamma g^{-1} \nabla L\right)^\top g \left(\delta + \gamma g^{-1}"
        r" \nabla L\right) - \frac{\gamma}{2} \nabla L^\top g^{-1} \nabla L",
        identical(model, square, IN_TWO),
    )


def pulled_back(metric: sp.Matrix, J: sp.Matrix) -> sp.Matrix:
    """The metric in Theta, of that in Lambda: a score is multiplied by J'."""
    return J.T * metric * J


def second_order(u: sp.Expr) -> sp.Expr:
    """The gap between Lambda(theta - gamma v) and Lambda - gamma Lambda' v, to its leading order."""
    return gamma**2 * u**2 / 2


def coordinates(account: Account) -> None:
    """Eq. 8, and what a finite step leaves of it."""
    J = sp.Matrix(2, 2, sp.symbols("J_11 J_12 J_21 J_22", real=True))
    scores = [sp.Matrix(sp.symbols(f"s_{k}1 s_{k}2", real=True)) for k in range(2)]
    weights = sp.symbols("p_1 p_2", positive=True)
    outer = sum((p * s * s.T for p, s in zip(weights, scores, strict=True)), sp.zeros(2))
    moved = sum((p * (J.T * s) * (J.T * s).T for p, s in zip(weights, scores, strict=True)), sp.zeros(2))
    account.move(
        r"By the chain rule a score in $\Theta$ is $J^\top$ times that in $\Lambda$, $J = \partial \Lambda/\partial"
        r" \Theta$; so the metric, a mean of products of scores, has $J$ on both sides.",
        r"g(\Theta) = J^\top g(\Lambda)\, J, \quad \nabla_\Theta L = J^\top\, \nabla_\Lambda L",
        identical(moved, pulled_back(outer, J), "for two outcomes of any scores"),
    )
    account.move(
        r"The two natural gradients are one vector.",
        r"g^{-1}(\Theta)\, \nabla_\Theta L = J^{-1} g^{-1}(\Lambda)\, \nabla_\Lambda L",
        identical(natural(pulled_back(g, J), J.T * slope), J.inv() * natural(g, slope), IN_TWO),
    )
    v, theta = sp.symbols("v theta", real=True)
    curve = sp.Function("Lambda")
    there = curve(theta - gamma * v).series(gamma, 0, 3).removeO().doit()
    gap = there - curve(theta) + gamma * v * sp.diff(curve(theta), theta)
    account.move(
        r"A finite step along it ends elsewhere, by a second derivative of the coordinates, unless they are affine.",
        r"\Lambda(\theta - \gamma v) - (\Lambda - \gamma \Lambda' v) = \frac{\gamma^2}{2} \Lambda'' v^2 + O(\gamma^3)",
        identical(gap, second_order(v) * sp.diff(curve(theta), theta, 2), "to order $\\gamma^2$, for any $\\Lambda$"),
    )


def sigmoid(t: sp.Expr) -> sp.Expr:
    """The probability of the answer one."""
    return 1 / (1 + sp.exp(-t))


def neuron(account: Account) -> None:
    """Eqs. 28-30: the loss of one sample as a function of t = theta' z; every derivative in theta brings a factor z."""
    t, y = sp.symbols("t y", real=True)
    p = sigmoid(t)
    loss = -y * sp.log(p) - (1 - y) * sp.log(1 - p)
    account.move(
        r"The gradient of the cross-entropy.",
        r"\nabla L = \overline{(p_i - y_i)\, z_i}, \quad p_i = \operatorname{sigm}(\theta^\top z_i)",
        identical(sp.diff(loss, t), p - y),
    )
    account.move(
        r"The Hessian has no label in it, so that it is its own mean, the metric: with $\gamma = 1$ and no damping natural"
        r" gradient descent is Newton's method.",
        r"\nabla^2 L = \overline{p_i (1 - p_i)\, z_i z_i^\top} = g",
        identical(sp.diff(p - y, t), p * (1 - p)),
    )
    s = sp.Symbol("s", positive=True)
    account.move(
        r"The damping is in units of the mean eigenvalue. Loss and metric multiplied by one number give the same step,"
        r" however small both have become.",
        r"\left(s g + \epsilon \tfrac{\operatorname{tr} s g}{D} I\right)^{-1} s \nabla L = \left(g + \epsilon"
        r" \tfrac{\operatorname{tr} g}{D} I\right)^{-1} \nabla L",
        identical(natural(damped(s * g), s * slope), natural(damped(g), slope), IN_TWO),
    )


def damped(metric: sp.Matrix) -> sp.Matrix:
    """g + epsilon tr(g)/D I."""
    D = metric.shape[0]
    return metric + epsilon * metric.trace() / D * sp.eye(D)


def left_after(epochs: int, curvature: sp.Expr) -> sp.Expr:
    """r_t: what is left of an offset, with v <- mu v - gamma h r, r <- r + v."""
    r, v = sp.S.One, sp.S.Zero
    for _ in range(epochs):
        v = mu * v - gamma * curvature * r
        r = r + v
    return sp.expand(r)


def near_a_minimum(account: Account) -> None:
    """The linearised step, eigenvector by eigenvector."""
    account.limit(
        r"Near a minimum the gradient is $H (\theta - \theta^*)$, and every eigenvector of $H$ goes its own way.",
        r"\theta_t - \theta^* = \sum_i r_t(h_i)\, c_i\, v_i, \quad L_t - L^* = \frac{1}{2} \sum_i h_i c_i^2\, r_t(h_i)^2",
        "Trajectories are under fimtheory.natural.local_rates.",
    )
    steps = [left_after(t, h) for t in range(5)]
    account.move(
        r"Without velocity at the start,",
        r"r_0 = 1, \quad r_1 = 1 - \gamma h, \quad r_{t+1} = (1 + \mu - \gamma h)\, r_t - \mu\, r_{t-1}",
        identical(steps[1], 1 - gamma * h),
        identical(
            [steps[t + 1] for t in (1, 2, 3)],
            [(1 + mu - gamma * h) * steps[t] - mu * steps[t - 1] for t in (1, 2, 3)],
            "for $t = 1, 2, 3$",
        ),
    )
    x, y = sp.symbols("x y")
    middle, product = x + y, x * y  # 1 + mu - gamma h and mu, by their roots
    powers = [sp.S.One, 1 - gamma * h]
    for _ in range(3):
        powers.append(middle * powers[-1] - product * powers[-2])
    by_roots = [sp.cancel(((x - mu) * x**t - (y - mu) * y**t) / (x - y)).subs(mu, product) for t in range(5)]
    by_steps = [e.subs(gamma * h, 1 + product - middle) for e in powers]
    account.move(
        r"The roots $x, y$ of $x^2 - (1 + \mu - \gamma h)\, x + \mu = 0$ solve it; the larger one says how fast.",
        r"r_t = \frac{(x - \mu)\, x^t - (y - \mu)\, y^t}{x - y}",
        identical(by_roots, by_steps, "for $t \\le 4$"),
    )
    values = sp.symbols("h_1 h_2", positive=True)
    account.move(
        r"In natural gradient descent $g = H$ at the minimum. The same holds with curvatures that are near one in every"
        r" direction not much flatter than the mean.",
        r"h_i \to \frac{h_i}{h_i + \epsilon\, \bar h}",
        identical(
            damped(sp.diag(*values)).inv() * sp.diag(*values),
            sp.diag(*(conditioned(e, values) for e in values)),
            IN_TWO,
        ),
    )


def conditioned(value: sp.Expr, values: tuple) -> sp.Expr:
    """h/(h + epsilon times the mean)."""
    return value / (value + epsilon * sum(values) / len(values))


def multipliers(w: sp.Matrix, towards: sp.Matrix) -> sp.Matrix:
    """a with w = sum_i a_i s_i z_i; ``towards`` has the rows s_i z_i."""
    return towards.T.inv() * w


def share(a: sp.Matrix, towards: sp.Matrix) -> sp.Expr:
    """rho: what damping leaves of a step along w."""
    D = towards.shape[1]
    return 1 / (1 + epsilon * sum(a[i] * (towards.row(i) * towards.row(i).T)[0] for i in range(len(a))) / D)


def growth(momentum: sp.Expr, epochs: int) -> sp.Expr:
    """The velocity after so many steps of one and the same direction of length one."""
    v = sp.S.Zero
    for _ in range(epochs):
        v = momentum * v + 1
    return sp.expand(v)


def separable(account: Account) -> None:
    """Without a minimum: support vectors, exponential decay, and 1/t."""
    t = sp.Symbol("t", real=True)
    p = sigmoid(t)
    account.move(
        r"Let a plane separate the classes, and $t_i = s_i\, \theta^\top z_i$, $s_i = \pm 1$, be the margins. Once they are"
        r" large, error and variance are the same number, $e^{-t_i}$.",
        r"\frac{\nu(t)}{1 - p(t)} = p(t) \to 1",
        identical(p * (1 - p) / (1 - p), p),
    )
    u, v = sp.symbols("u v", positive=True)
    towards = sp.Matrix([[u, 0], [v, 1]])  # rows s_i z_i of the support vectors; axes and unit are free to choose
    w = towards.inv() * sp.ones(2, 1)
    a = multipliers(w, towards)
    G = sum((a[i] * towards.row(i).T * towards.row(i) for i in range(2)), sp.zeros(2))
    account.define(
        r"The shortest $w$ with $s_i\, w^\top z_i \ge 1$; its multipliers $a_i$ are zero but for support vectors.",
        r"w = \sum_i a_i s_i z_i, \quad s_i\, w^\top z_i = 1 \text{ where } a_i > 0",
    )
    account.move(
        r"If the weights $\nu_i$ are in the ratio of the $a_i$, then $w$ is an eigenvector of the metric, and the gradient"
        r" points along it.",
        r"G w = w, \quad G = \sum_i a_i z_i z_i^\top, \quad |w|^2 = \sum_i a_i",
        identical(G * w, w, "for two support vectors in two dimensions"),
        identical((w.T * w)[0], sum(a)),
    )
    rho = share(a, towards)
    account.move(
        r"The damped step is then along $w$. All margins grow by $\gamma \rho$ in an epoch, which leaves the ratios as they"
        r" are, and those of all other samples grow faster.",
        r"(G + E I)^{-1} w = \rho\, w, \quad E = \frac{\epsilon}{D} \sum_i a_i |z_i|^2, \quad \rho = \frac{1}{1 + E}",
        identical(damped(G) * (rho * w), w, "for two support vectors in two dimensions"),
    )
    account.move(
        r"Momentum adds up equal steps.",
        r"v_t = \gamma \rho w\, (1 + \mu + \dots + \mu^{t-1}) \to \frac{\gamma \rho}{1 - \mu}\, w, \quad -\frac{1}{t} \ln"
        r" L_t \to \frac{\gamma \rho}{1 - \mu}",
        identical([growth(mu, n) * (1 - mu) for n in (1, 2, 5)], [1 - mu**n for n in (1, 2, 5)], "for $t = 1, 2, 5$"),
    )
    flows(account, w, a)


def flows(account: Account, w: sp.Matrix, a: sp.Matrix) -> None:
    """Ordinary gradients on the same ray, and one weight at all times."""
    L, c, t = sp.symbols("L c t", positive=True)
    account.move(
        r"Ordinary gradients have the same direction in the end: $\nabla L = -L\, w/|w|^2$, and the loss falls like $1/t$.",
        r"\frac{dL}{dt} = -|\nabla L|^2 = -\frac{L^2}{|w|^2}, \quad L = \frac{|w|^2}{t + c}",
        identical((-L * w / sum(a)).dot(-L * w / sum(a)), L**2 / sum(a)),
        identical(sp.diff(h / (t + c), t), -((h / (t + c)) ** 2) / h),
    )
    theta, start = sp.symbols("theta theta_0", positive=True)
    wrong = natural_flow(start, t)
    account.move(
        r"One weight on two samples $z = \pm 1$: in natural gradient flow the probability of the wrong answer is an"
        r" exponential from the very start.",
        r"1 - p_t = (1 - p_0)\, e^{-t/(1 + \epsilon)}, \quad \frac{d\theta}{dt} = \frac{1 - p}{(1 + \epsilon)\, p (1 - p)}",
        identical(wrong.subs(t, 0), 1 - sigmoid(start)),
        identical(sp.diff(sp.log(1 / wrong - 1), t), 1 / ((1 + epsilon) * (1 - wrong))),
    )
    account.move(
        r"In gradient flow time is a function of the weight.",
        r"t = \theta - \theta_0 + e^\theta - e^{\theta_0}, \quad \frac{d\theta}{dt} = 1 - p",
        identical(1 / sp.diff(passed(theta, start), theta), (1 - sigmoid(theta)).rewrite(sp.exp)),
    )


def natural_flow(start: sp.Expr, t: sp.Expr) -> sp.Expr:
    """1 - p at time t."""
    return (1 - sigmoid(start)) * sp.exp(-t / (1 + epsilon))


def passed(theta: sp.Expr, start: sp.Expr) -> sp.Expr:
    """The time of gradient flow at which the weight is theta."""
    return theta - start + sp.exp(theta) - sp.exp(start)


Theta = sp.Matrix(sp.symbols("Theta_1 Theta_2", real=True))
Other = sp.Matrix(sp.symbols("Theta'_1 Theta'_2", real=True))
OTHER = dict(zip(Theta, Other, strict=True))
F = sp.log(1 + sp.exp(Theta[0]) + sp.exp(Theta[1]))


def divergence(potential: sp.Expr) -> sp.Expr:
    """B_F(Theta, Theta'), with the slope at Theta'."""
    there = potential.subs(OTHER, simultaneous=True)
    slopes = sp.Matrix([sp.diff(potential, e) for e in Theta]).subs(OTHER, simultaneous=True)
    return potential - there - (Theta - Other).dot(slopes)


def mirror(account: Account) -> None:
    """Section 6, on three outcomes."""
    H = sp.Matrix([sp.diff(F, e) for e in Theta])
    proximal = Theta.dot(slope) + divergence(F) / gamma
    account.define(
        r"A strictly convex $F$, its divergence, and a step of mirror descent on the objective $L$.",
        r"B_F(\Theta, \Theta') = F(\Theta) - F(\Theta') - (\Theta - \Theta')^\top \nabla F(\Theta'), \quad \Theta_{t+1} ="
        r" \operatorname*{arg\,min}_\Theta \left(\Theta^\top \nabla L(\Theta_t) + \tfrac{1}{\gamma} B_F(\Theta,"
        r" \Theta_t)\right)",
    )
    account.move(
        r"With the slope at $\Theta$ instead one would have minus the divergence from the other side, which is negative.",
        r"F(\Theta) - F(\Theta') - (\Theta - \Theta')^\top \nabla F(\Theta) = -B_F(\Theta', \Theta)",
        identical(
            F - F.subs(OTHER, simultaneous=True) - (Theta - Other).dot(H),
            -divergence(F).subs(OTHER | dict(zip(Other, Theta, strict=True)), simultaneous=True),
            "for three outcomes",
        ),
    )
    account.move(
        r"The minimum is where its slope vanishes: the dual coordinates $H = \nabla F$ make a plain step.",
        r"\nabla L + \tfrac{1}{\gamma} (H(\Theta) - H(\Theta_t)) = 0, \quad H_{t+1} = H_t - \gamma\, \nabla_\Theta L",
        identical(
            [sp.diff(proximal, e) for e in Theta],
            list(slope + (H - H.subs(OTHER, simultaneous=True)) / gamma),
            "for three outcomes",
        ),
    )
    hessian = sp.hessian(F, list(Theta))
    account.move(
        r"In the coordinates $H$ the metric is $(\nabla^2 F)^{-1}$, the Hessian of the dual potential, and the gradient"
        r" $(\nabla^2 F)^{-1}\, \nabla_\Theta L$. Their quotient is the plain gradient in $\Theta$: both steps are"
        r" one, of any size.",
        r"\left(\nabla^2 F^*(H)\right)^{-1} \nabla_H L = \nabla_\Theta L",
        identical(natural(hessian.inv(), hessian.inv() * slope), slope, "for three outcomes"),
    )


# --- landing


def land(account: Account) -> None:
    """The package's steps, rates and statements."""
    from fimtheory import catalogue
    from fimtheory.theory import natural_gradient as theory

    def said(target: str) -> str:
        return catalogue.find(target).statement

    numbers = {g11: 2, g12: 1, g22: 3, slope[0]: 1, slope[1]: -2}
    metric, gradient = g.subs(numbers), slope.subs(numbers)
    doubles = [[float(e) for e in row] for row in metric.tolist()], [float(e) for e in gradient]
    account.land(
        "sun2016.eq7",
        "The direction of the package.",
        said("sun2016.eq7"),
        _same(theory.natural_gradient(doubles[1], doubles[0]), natural(metric, gradient)),
    )
    J = sp.Matrix([[2, 1], [1, 1]])
    pulled = [[float(e) for e in row] for row in pulled_back(metric, J).tolist()]
    account.land(
        "sun2016.eq8",
        "The same vector in other coordinates.",
        said("sun2016.eq8"),
        _same(theory.natural_gradient([float(e) for e in J.T * gradient], pulled), J.inv() * natural(metric, gradient)),
    )
    tenth = {epsilon: sp.Rational(1, 8)}
    account.land(
        "sun2016.eqs28_30",
        "The damped step.",
        said("sun2016.eqs28_30"),
        _same(theory.natural_gradient(doubles[1], doubles[0], 0.125), natural(damped(metric).subs(tenth), gradient)),
    )
    values, rate, friction = (sp.Rational(1, 2), sp.Rational(3, 2)), sp.S.Half, sp.Rational(1, 4)
    curved = [conditioned(e, values).subs(tenth) for e in values]
    found = theory.preconditioned([0.5, 1.5], 0.125)
    account.land(
        "fimtheory.natural.local_rates",
        "Curvatures, and what is left after three epochs.",
        said("fimtheory.natural.local_rates"),
        _same(found, curved),
        _same(
            theory.amplitudes([0.5, 1.5], 0.5, 0.25, 3)[3],
            [left_after(3, e).subs({gamma: rate, mu: friction}) for e in values],
        ),
    )
    land_on_separable(account, said("fimtheory.natural.separable"))
    statement = catalogue.find("sun2016.sec6_mirror").predict()["stationary where H moves by -gamma grad L"]
    slope_of_objective = (
        statement.right - sp.diff(F, Theta[0]) + sp.diff(F, Theta[0]).subs(OTHER, simultaneous=True)
    ) / gamma
    account.land(
        "sun2016.sec6_mirror",
        "The stationary point of the package, whose objective stands for any.",
        said("sun2016.sec6_mirror"),
        identical(
            statement.left / gamma,
            sp.diff(Theta.dot(slope) + divergence(F) / gamma, Theta[0]).subs(slope[0], slope_of_objective),
        ),
    )


def land_on_separable(account: Account, formula: str) -> None:
    """Two support vectors, of which one has the other sign, and the two flows."""
    from fimtheory.theory import natural_gradient as theory

    towards = sp.Matrix([[1, 0], [sp.S.Half, 1]])
    w = towards.inv() * sp.ones(2, 1)
    a = multipliers(w, towards)
    eighth = {epsilon: sp.Rational(1, 8)}
    Z, signs = [[1.0, 0.0], [-0.5, -1.0]], [1, -1]
    margin = theory.maximal_margin(Z, signs)
    start, t = sp.log(3), sp.log(4)
    account.land(
        "fimtheory.natural.separable",
        "The separating direction, the rate, and one weight in both flows.",
        formula,
        _same(margin.direction, w),
        _same(margin.multipliers, a),
        _same([theory.separable_rate(Z, signs, 0.5, 0.5, 0.125)], [share(a, towards).subs(eighth)]),
        _same([theory.flow_error(float(t), float(start))], [natural_flow(start, t).subs(epsilon, 0)]),
        _same(
            [theory.flow_error(float(passed(sp.log(5), start)), float(start), natural=False)], [1 - sigmoid(sp.log(5))]
        ),
    )


def _same(found, want) -> str:
    """Doubles against exact numbers, to 12 decimals."""
    exact = [sp.N(e, 20) for e in want]
    close = [
        e if abs(sp.Float(float(double), 20) - e) < 1e-12 else double for double, e in zip(found, exact, strict=True)
    ]
    return identical(close, exact).replace("exactly", "to 12 decimals")


def main() -> Account:
    """Derive, land, print."""
    account = Account("Natural gradient descent: the step and both ends of training")
    step(account)
    coordinates(account)
    neuron(account)
    near_a_minimum(account)
    separable(account)
    mirror(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
