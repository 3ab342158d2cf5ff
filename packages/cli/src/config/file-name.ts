/** Name of the configuration in the folder of the store. */
export const CONFIG_FILE = 'config.toml'
