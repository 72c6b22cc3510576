// Makes a movie, follows it to its end through restarts of the server, and shows what an error says.
//
//   REELMILL_SERVER=127.0.0.1:50051 REELMILL_TOKEN_FILE=.reelmill/auth/token \
//     node build/main.js demo order-4711 "A lighthouse keeper adopts a storm"
//
// The second argument is the request id: sent twice, it makes one movie.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { ErrorInfoSchema } from "./gen/google/rpc/error_info_pb.js";
import { type Movie, Movie_State, MovieSchema, MovieService } from "./gen/reelmill/v1/movies_pb.js";

const DEADLINE = 30_000;
const PATIENCE = 120_000;
const ENDED = [Movie_State.SUCCEEDED, Movie_State.FAILED, Movie_State.CANCELLED];

// The token is read at every call, so that it may be renewed.
const withToken: Interceptor = (next) => (request) => {
  const file = process.env.REELMILL_TOKEN_FILE;
  if (file) request.header.set("authorization", `Bearer ${readFileSync(file, "utf8").trim()}`);
  return next(request);
};

function connect(): Client<typeof MovieService> {
  const ca = process.env.REELMILL_TLS_CA;
  const transport = createGrpcTransport({
    baseUrl: `${ca ? "https" : "http"}://${process.env.REELMILL_SERVER}`,
    interceptors: [withToken],
    nodeOptions: ca ? { ca: readFileSync(ca) } : {},
  });
  return createClient(MovieService, transport);
}

// connect-node says Canceled or Aborted where the connection died in the middle of a call.
function isAway(error: unknown): boolean {
  return [Code.Unavailable, Code.Canceled, Code.Aborted].includes(ConnectError.from(error).code);
}

// Where the server is away for a moment the call is made again; a request id makes that harmless.
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!isAway(error) || attempt === 4) throw error;
      await sleep(250 * 2 ** attempt);
    }
  }
}

// Prints every change until the movie has ended. Where the stream breaks, it goes on from the last revision.
async function watch(movies: Client<typeof MovieService>, name: string): Promise<Movie> {
  let last = create(MovieSchema);
  let heard = Date.now();
  while (true) {
    try {
      for await (const answer of movies.watchMovie({ name, fromRevision: last.revision })) {
        if (!answer.movie) continue;
        last = answer.movie;
        heard = Date.now();
        console.log(`revision ${last.revision}: ${Movie_State[last.state]}`);
        if (ENDED.includes(last.state)) return last;
      }
    } catch (error) {
      if (!isAway(error) || Date.now() - heard > PATIENCE) throw error;
    }
    await sleep(1000);
  }
}

// The reason of Reelmill's catalogue, the message, and the details for programs.
function explain(error: unknown): string {
  const failed = ConnectError.from(error);
  const info = failed.findDetails(ErrorInfoSchema).find((found) => found.domain === "reelmill");
  return info ? `${info.reason}: ${failed.rawMessage} ${JSON.stringify(info.metadata)}` : failed.message;
}

async function main(project: string, requestId: string, theme: string): Promise<void> {
  const movies = connect();
  const shape = { chapters: 1, scenes: 1, frames: 2 };
  const request = { parent: `projects/${project}`, requestId, movie: { theme, shape } };
  const made = await retried(() => movies.createMovie(request, { timeoutMs: DEADLINE }));
  if (!made.movie) throw new Error("the server told of no movie");
  console.log(made.movie.name);
  const movie = await watch(movies, made.movie.name);
  if (movie.state !== Movie_State.SUCCEEDED) {
    throw new Error(`${movie.failure?.reason}: ${movie.failure?.message}`);
  }
  console.log(movie.artefactsUri);
}

const [project, requestId, theme] = process.argv.slice(2);
if (project === undefined || requestId === undefined || theme === undefined) {
  console.error("usage: node build/main.js PROJECT REQUEST_ID THEME");
  process.exit(2);
}
main(project, requestId, theme).catch((error: unknown) => {
  console.error("error:", explain(error));
  process.exitCode = 1;
});
