---What the server does now, in a few words, for a statusline.
local M = {}

local server = require('slm_lsp.server')

---@class slm_lsp.Loading
---@field percentage? integer
---@field message? string

local loading ---@type slm_lsp.Loading?
local told = {} ---@type table<string, any> The server's newest answer to `slm-lsp.status`.
local latency ---@type number? Milliseconds from the last request to its answer.
local awake_at = 0

---Draw the statusline again.
M.changed = vim.schedule_wrap(function()
  vim.cmd.redrawstatus({ bang = true })
end)

---Take note of how long an answer took.
---@param ms number
function M.answered(ms)
  latency = ms
  M.changed()
end

---Take note that nothing is suggested for some minutes.
---@param minutes number
function M.snoozed(minutes)
  awake_at = os.time() + 60 * minutes
  M.changed()
end

---Ask the server anew.
---@param client vim.lsp.Client
function M.refresh(client)
  server.execute(client, 'slm-lsp.status', nil, function(result)
    told = result
    awake_at = os.time() + result.snoozed
    M.changed()
  end)
end

---Take note of progress.
---@param client vim.lsp.Client
---@param value { kind: string, percentage?: integer, message?: string }
function M.progressed(client, value)
  if value.kind == 'end' then
    loading = nil
    M.refresh(client)
  elseif told.state ~= 'ready' then
    loading = { percentage = value.percentage, message = value.message }
  end
  M.changed()
end

---Forget what a server said that is gone.
function M.forget()
  loading, told, latency, awake_at = nil, {}, nil, 0
  M.changed()
end

---Return whether nothing is suggested in a buffer because of the settings.
---@return boolean
local function off()
  local settings = require('slm_lsp.options').current.settings
  local client = server.client()
  local language = client and client.get_language_id(0, vim.bo.filetype)
  return settings.enabled == false or vim.list_contains(settings.disabledLanguages or {}, language)
end

---Return the state: `absent`, `loading`, `ready`, `working`, `snoozed`, `off` or `error`.
---@return string
function M.state()
  if not server.client() then
    return 'absent'
  elseif told.state == 'failed' then
    return 'error'
  elseif loading or told.state ~= 'ready' then
    return 'loading'
  elseif off() then
    return 'off'
  elseif awake_at > os.time() then
    return 'snoozed'
  end
  local completor = require('slm_lsp.completor').of()
  return completor and next(completor.slm_pending or {}) and 'working' or 'ready'
end

---Return a short text for a statusline; empty where there is no server.
---@return string
function M.line()
  local state = M.state()
  if state == 'absent' then
    return ''
  elseif state == 'loading' then
    local done = loading and loading.percentage
    return 'slm: loading' .. (done and (' %d%%'):format(done) or '')
  elseif state == 'snoozed' then
    return ('slm: snoozed %d min'):format(math.ceil((awake_at - os.time()) / 60))
  elseif state == 'ready' and latency then
    return ('slm: %d ms'):format(latency)
  end
  return 'slm: ' .. state
end

return M
