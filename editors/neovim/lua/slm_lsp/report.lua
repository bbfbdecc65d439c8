---What the server says of itself.
local M = {}

local api = vim.api
local server = require('slm_lsp.server')

---Ask the server and show its answer.
---@param command string
---@param arguments any[]?
---@param show fun(result: any)
local function ask(command, arguments, show)
  local client = server.client()
  if not client then
    server.warn('slm-lsp is not attached to this buffer; `:checkhealth slm_lsp` may say why.')
    return
  end
  server.execute(client, command, arguments, show, function(message)
    server.warn('slm-lsp: ' .. message)
  end)
end

---Show lines in a window that goes away with the next move.
---@param lines string[]
local function float(lines)
  vim.lsp.util.open_floating_preview(lines, '', { border = 'rounded', focus_id = 'slm-lsp' })
end

---Say how the last request in this buffer was answered, stage by stage.
function M.why()
  ask('slm-lsp.why', { vim.uri_from_bufnr(0) }, function(entry)
    if not entry or entry == vim.NIL then
      return float({ 'Nothing was asked in this buffer yet.' })
    end
    local shown = ('%d %s shown'):format(entry.items, entry.items == 1 and 'suggestion' or 'suggestions')
    local lines = {
      ('Line %d: %s'):format(entry.line + 1, entry.items > 0 and shown or 'nothing: ' .. entry.reason),
      ('%s, from %s, in %.0f ms'):format(entry.trigger, entry.source, entry.ms),
    }
    for _, stage in ipairs(entry.stages) do
      lines[#lines + 1] = ('  %-14s %6.1f ms  %s'):format(stage.name, stage.ms, stage.detail)
    end
    for _, one in ipairs(entry.filters) do
      local did = one.rejected and 'rejected it' or ('took off %d characters'):format(one.removed)
      lines[#lines + 1] = ('  filter %s: %s'):format(one.filter, did)
    end
    float(lines)
  end)
end

---Say what is loaded, and what became of the requests.
function M.status()
  ask('slm-lsp.status', nil, function(told)
    local counters = told.counters
    local lines = {
      ('slm-lsp %s, %s: %s'):format(told.version, told.state, told.message),
      ('model %s, %.0f MB resident'):format(told.model, told.memory / 2 ^ 20),
      ('%d requests: %d shown, %d accepted, %d rejected'):format(
        counters.requests,
        counters.shown,
        counters.accepted,
        counters.rejected
      ),
      ('%d tokens read when asked, %d ahead of need, %d written'):format(
        counters.prefilled,
        counters.ahead,
        counters.decoded
      ),
    }
    if told.snoozed > 0 then
      lines[#lines + 1] = ('snoozed for %d s more'):format(told.snoozed)
    end
    local reasons = vim.tbl_keys(counters.reasons)
    table.sort(reasons, function(one, other)
      return counters.reasons[one] > counters.reasons[other]
    end)
    for _, reason in ipairs(reasons) do
      lines[#lines + 1] = ('  %d times nothing: %s'):format(counters.reasons[reason], reason:gsub('_', ' '))
    end
    float(lines)
  end)
end

---Show what the model is shown beside the text at the cursor, in a split.
function M.context()
  local client = server.client()
  local params = vim.lsp.util.make_position_params(0, client and client.offset_encoding or 'utf-16')
  ask('slm-lsp.context', { params.textDocument.uri, params.position }, function(shown)
    local lines = {
      ('%d tokens of context, %d before the cursor, %d after it'):format(
        shown.tokens.context,
        shown.tokens.prefix,
        shown.tokens.suffix
      ),
    }
    for _, one in ipairs(shown.parts) do
      lines[#lines + 1] = ''
      local head = '%s · %s · %s · score %.2f · %d tokens'
      lines[#lines + 1] = head:format(one.part, one.path, one.source, one.score, one.tokens)
      vim.list_extend(lines, vim.split(one.text, '\r?\n'))
    end
    vim.cmd.stopinsert()
    vim.cmd.new()
    vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = 'nofile', 'wipe', false
    api.nvim_buf_set_lines(0, 0, -1, false, lines)
    vim.bo.modifiable = false
  end)
end

return M
