if vim.g.loaded_slm_lsp then
  return
end
vim.g.loaded_slm_lsp = true

local commands = {
  context = function(lsp)
    lsp.context()
  end,
  log = function()
    vim.cmd.tabnew(vim.lsp.log.get_filename())
  end,
  restart = function(lsp)
    lsp.restart()
  end,
  snooze = function(lsp, minutes)
    lsp.snooze(minutes and tonumber(minutes))
  end,
  status = function(lsp)
    lsp.status()
  end,
  toggle = function(lsp, where)
    lsp.toggle(where)
  end,
  why = function(lsp)
    lsp.why()
  end,
}

local arguments = { snooze = { '0', '5', '30', '60' }, toggle = { 'everywhere', 'language' } }

vim.api.nvim_create_user_command('SlmLsp', function(given)
  local name, argument = given.fargs[1], given.fargs[2]
  if not commands[name] then
    vim.notify(('slm-lsp has no command `%s`; see :help :SlmLsp.'):format(name), vim.log.levels.ERROR)
    return
  end
  commands[name](require('slm_lsp'), argument)
end, {
  nargs = '+',
  desc = 'Commands of slm-lsp',
  complete = function(lead, line)
    local words = vim.split(line, '%s+')
    local known = #words > 2 and (arguments[words[2]] or {}) or vim.tbl_keys(commands)
    table.sort(known)
    return vim.tbl_filter(function(one)
      return vim.startswith(one, lead)
    end, known)
  end,
})
