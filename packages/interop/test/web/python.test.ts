import { describeRows } from "./rows.js"
import * as Services from "./services.js"

describeRows("python", Services.python)
