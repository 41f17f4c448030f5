import { connection } from "./plugins/connection.js";
import { delivery } from "./plugins/delivery.js";
import { output } from "./plugins/output.js";
import { sidebar } from "./plugins/sidebar.js";

export default [connection, delivery, output, sidebar];
