---slm-lsp in Neovim: ghost text from the language server of that name.
local M = {}

local api = vim.api
local completor = require('slm_lsp.completor')
local ghost = require('slm_lsp.ghost')
local keys = require('slm_lsp.keys')
local options = require('slm_lsp.options')
local report = require('slm_lsp.report')
local server = require('slm_lsp.server')
local status = require('slm_lsp.status')

---@param event { buf: integer, data: { client_id: integer } }
---@return vim.lsp.Client?
local function ours(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  return client and client.name == server.NAME and client or nil
end

---Begin. Without it nothing is started and no key is mapped.
---@param given? table<string, any> See |slm-lsp-options|.
function M.setup(given)
  keys.map(options.take(given).keys, M)
  local group = api.nvim_create_augroup('slm_lsp', { clear = true })
  api.nvim_create_autocmd('LspAttach', {
    group = group,
    callback = function(event)
      local client = ours(event)
      if client then
        completor.attach(client, event.buf)
        status.refresh(client)
      end
    end,
  })
  api.nvim_create_autocmd('LspDetach', {
    group = group,
    callback = function(event)
      if ours(event) then
        completor.detach(event.data.client_id, event.buf)
        status.forget()
      end
    end,
  })
  api.nvim_create_autocmd('LspProgress', {
    group = group,
    callback = function(event)
      local client = ours(event)
      if client then
        status.progressed(client, event.data.params.value)
        if event.data.params.value.kind == 'end' then
          ghost.look_again(completor.of())
        end
      end
    end,
  })
  -- Neovim does so itself only for what is in 'runtimepath' when it starts.
  vim.cmd.runtime('plugin/slm-lsp.lua')
  server.enable()
end

---@param act fun(completor: slm_lsp.Completor): boolean?
---@return boolean
local function here(act)
  local current = completor.of()
  return current ~= nil and act(current) ~= false
end

---@param part 'whole'|'line'|'word'
local function accept(part)
  return here(function(current)
    return ghost.accept(current, part)
  end)
end

---Put all of what is shown into the buffer.
---@return boolean done False if nothing is shown.
function M.accept()
  return accept('whole')
end

---Put the next word of what is shown into the buffer.
---@return boolean done False if nothing is shown.
function M.accept_word()
  return accept('word')
end

---Put the next line of what is shown into the buffer.
---@return boolean done False if nothing is shown.
function M.accept_line()
  return accept('line')
end

---Show the next suggestion.
---@return boolean done False if nothing is shown.
function M.next()
  return here(function(current)
    return ghost.step(current, 1)
  end)
end

---Show the previous suggestion.
---@return boolean done False if nothing is shown.
function M.previous()
  return here(function(current)
    return ghost.step(current, -1)
  end)
end

---Take away what is shown; it does not come back in this place.
---@return boolean done False if nothing is shown.
function M.dismiss()
  return here(ghost.dismiss)
end

---Ask for suggestions here, whatever is suggested by itself.
---@return boolean done False if there is no server.
function M.trigger()
  return here(ghost.trigger)
end

---Return whether a suggestion is shown.
---@return boolean
function M.visible()
  return here(function(current)
    return ghost.rest(current) ~= nil
  end)
end

---Switch suggestions off, or on again.
---@param where? 'everywhere'|'language' The language is the current buffer's.
function M.toggle(where)
  local client, language = server.client(), nil
  if where == 'language' then
    language = client and client.get_language_id(0, vim.bo.filetype) or vim.bo.filetype
  end
  server.configure(function(settings)
    if not language then
      settings.enabled = settings.enabled == false
      return
    end
    local off = settings.disabledLanguages or {}
    settings.disabledLanguages = vim.list_contains(off, language)
        and vim.tbl_filter(function(one)
          return one ~= language
        end, off)
      or vim.list_extend({ language }, off)
  end)
  here(function(current)
    current:abort()
  end)
  vim.notify('slm-lsp: ' .. (status.state() == 'off' and 'off' or 'on') .. (language and ' for ' .. language or ''))
end

---Suggest nothing by itself for some minutes; 0 ends it.
---@param minutes? number 30 if not given.
function M.snooze(minutes)
  minutes = minutes or 30
  for _, client in ipairs(vim.lsp.get_clients({ name = server.NAME })) do
    server.execute(client, 'slm-lsp.snooze', { minutes })
  end
  status.snoozed(minutes)
  here(function(current)
    current:abort()
  end)
end

M.why = report.why
M.status = report.status
M.context = report.context
M.restart = server.restart
M.statusline = status.line

return M
