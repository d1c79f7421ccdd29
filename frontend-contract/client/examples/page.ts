import { Client, isProblem } from "@postroom/client";

// Without `baseUrl` it is the page's own origin.
export const postroom = new Client({ baseUrl: "https://postroom.example.com" });

/** When the page is loaded: who was signed in before still is. */
export async function start(): Promise<"signed in" | "sign in"> {
  postroom.session.onChange((me) => console.log(me ? `This is ${me.name}` : "Signed out, perhaps by the server"));
  return (await postroom.session.resume()) ? "signed in" : "sign in";
}

export async function signIn(email: string, password: string): Promise<string> {
  try {
    const me = await postroom.session.signIn({ workspace: "acme", email, password });
    return `Hello, ${me.name}`;
  } catch (error) {
    if (isProblem(error, "invalid_credentials")) return "That is not right.";
    if (isProblem(error, "rate_limited")) return `Try again in ${(error.retryAfter ?? 0) / 1000} seconds.`;
    throw error;
  }
}
