import { describeRows } from "./web/rows.js"
import * as Services from "./web/services.js"

describeRows("node", Services.node)
