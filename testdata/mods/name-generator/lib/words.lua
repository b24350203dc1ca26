-- Example names, one string for each people.

return {
  dwarf = [[
    Baldrek Bordin Brundi Dagnar Dorgrim Durgan Farin Gorim Grendal Grundin
    Haldor Hargrim Kazrik Kordin Morgrim Nardin Orik Rurik Skaldor Storgrim
    Thordin Thrain Thrund Torgar Uldrik Vondal Yorgrim
  ]],
  elf = [[
    Aelindra Aerendil Alathiel Amarien Caladrel Celeborn Elarian Elanor
    Erevan Faelar Galathil Ilphelion Isilme Laeriel Lethariel Lorindel
    Maerion Nimriel Quelanna Saelihn Silvarien Thalanil Valandril Ysildea
  ]],
  harbour = [[
    Annick Berrin Corley Dunnock Ferris Garrow Hallam Jessamy Kerrin Lowen
    Marrick Nessa Perran Quill Rosmer Sennen Tamsin Trewin Ulla Wenna Yestin
  ]],
}
