/** All tests of the page, in one program: one server, one browser. */
import { compare } from "./matches.js";
import { run } from "./row.js";
import "./rows/access.js";
import "./rows/stream.js";
import "./rows/card.js";
import "./rows/window.js";
import "./rows/editor.js";
import "./rows/sidebar.js";
import "./rows/live.js";
import "./rows/hands.js";
import "./rows/screens.js";

compare();
run();
