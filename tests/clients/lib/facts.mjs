// What the Rust test tells its counterpart: one JSON object on the standard input.
export async function facts() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
