import { connection } from "./connection.js";
import { delivery } from "./delivery.js";
import { output } from "./output.js";
import { sidebar } from "./sidebar.js";

export default [connection, delivery, output, sidebar];
