import { Client } from "@postroom/client";

// A program signs in with an API key, and needs no page.
const postroom = new Client({ baseUrl: "http://127.0.0.1:8080", apiKey: process.env["POSTROOM_API_KEY"] ?? "" });

let waiting = 0;
for await (const card of postroom.all("/v1/conversations", { params: { query: { status: "open" } } })) {
  if (card.unread) waiting += 1;
}
console.log(`${waiting} conversations that nobody has opened`);

// What happened since the last run, without an open connection. The return value is where the next run goes on.
const { event = 0 } = await postroom.answers.get("/v1/conversations/counts");
const changes = postroom.missed(Math.max(0, event - 100));
for (let next = await changes.next(); ; next = await changes.next()) {
  if (next.done) {
    console.log(`Goes on behind ${next.value}`);
    break;
  }
  console.log(next.value.number, next.value.type);
}
