// Numbers smoothed over time, for each face of its own: the same as fer_keras/faces/smoothing.py.

export class Smoother {
  /** @param {{time_constant: number, forget: number}} numbers in seconds; in time constants. */
  constructor(numbers) {
    this.numbers = numbers;
    this.states = new Map();
  }

  /**
   * @param {string} name whose numbers these are.
   * @param {number} seconds grows from call to call.
   * @param {number[]} values
   * @returns {number[]} their mean with those before, weighted by age.
   */
  add(name, seconds, values) {
    const { time_constant: constant, forget } = this.numbers;
    for (const [other, state] of this.states) {
      if (state.seconds < seconds - forget * constant) this.states.delete(other);
    }
    const before = this.states.get(name) ?? { seconds, total: values.map(() => 0), weight: 0 };
    const fade = Math.exp((before.seconds - seconds) / constant);
    const total = before.total.map((value, at) => fade * value + values[at]);
    const weight = fade * before.weight + 1;
    this.states.set(name, { seconds, total, weight });
    return total.map((value) => value / weight);
  }
}
