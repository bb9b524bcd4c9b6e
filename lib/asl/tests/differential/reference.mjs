// Evaluates expressions with the reference JSONata: one {source, input} a line in, one {value}, {nothing} or {error} a line out.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { default: jsonata } = await import(pathToFileURL(process.argv[2]).href);

for await (const line of createInterface({ input: process.stdin })) {
  const { source, input } = JSON.parse(line);
  let answer;
  try {
    const value = await jsonata(source).evaluate(undefined, { states: { input } });
    if (value === undefined || typeof value === 'function' || value?._jsonata_lambda || value?._jsonata_function) {
      answer = value === undefined ? { nothing: true } : { error: 'function' };
    } else {
      // JSON has no number for it.
      const isFinite = (item) => typeof item !== 'number' || Number.isFinite(item);
      let finite = true;
      JSON.stringify(value, (_, item) => ((finite &&= isFinite(item)), item));
      answer = finite ? { value } : { error: 'D1001' };
    }
  } catch (error) {
    answer = { error: error.code ?? String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
