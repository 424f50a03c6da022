// The vault of the keys that sign links. The secret itself is not declared here: declared, every
// deploy would write it anew, and every link sent before would be dead. hooks.py makes the first
// key where the vault has none, and never touches it again.
param name string
param location string
param tags object

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
  }
}

resource kept 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: vault
  name: 'kept-until-told'
  properties: {
    level: 'CanNotDelete'
    notes: 'Without these keys no link that was ever sent can be verified.'
  }
}

output name string = vault.name
output signingKeysUri string = '${vault.properties.vaultUri}secrets/signing-keys'
