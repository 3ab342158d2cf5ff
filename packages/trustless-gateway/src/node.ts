/** The gateway as a server on Node: HTTP/1.1 and HTTP/2. */
export {}
